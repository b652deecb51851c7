# cmake -DNAME=name -DFROM=file -DTO=source -P embed.cmake: a C++ source with the bytes of a file as
#   namespace sluice::embedded { std::string_view name(); }

file(READ ${FROM} hex HEX)
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "'\\\\x\\1'," bytes "${hex}")
file(WRITE ${TO} "#include <string_view>

namespace sluice::embedded {
namespace {
constexpr char kBytes[] = {${bytes} '\\0'};
}  // namespace

std::string_view ${NAME}() {
  return {kBytes, sizeof(kBytes) - 1};
}

}  // namespace sluice::embedded
")
