# cmake -DNAME=name -DFOLDER=folder -DFILES=a,b,... -DTO=source -P embed_files.cmake: a C++ source with
# the bytes of several files of a folder, each under its path in it, as
#   namespace sluice::embedded { std::span<const File> name(); }

string(REPLACE "," ";" files "${FILES}")
set(arrays "")
set(rows "")
set(number 0)
foreach(path IN LISTS files)
  file(READ ${FOLDER}/${path} hex HEX)
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "'\\\\x\\1'," bytes "${hex}")
  string(APPEND arrays "constexpr char kFile${number}[] = {${bytes} '\\0'};\n")
  string(APPEND rows "    {\"${path}\", {kFile${number}, sizeof(kFile${number}) - 1}},\n")
  math(EXPR number "${number} + 1")
endforeach()
file(WRITE ${TO} "#include \"proxy/admin/embedded.hpp\"

namespace sluice::embedded {
namespace {
${arrays}
constexpr File kFiles[] = {
${rows}};
}  // namespace

std::span<const File> ${NAME}() {
  return kFiles;
}

}  // namespace sluice::embedded
")
