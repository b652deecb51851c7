#include "protocol/dialect.hpp"

#include <algorithm>
#include <iterator>

#include "protocol/mysql/dialect.hpp"
#include "protocol/postgresql/dialect.hpp"

namespace sluice::protocol {
namespace {

constexpr std::string_view kOwnPrefix = "sluice.";

char lower(char letter) {
  return letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter - 'A' + 'a') : letter;
}

bool same_name(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return lower(x) == lower(y); });
}

}  // namespace

Parameters Dialect::take_attributes(ClientLogin& login,
                                    const std::vector<std::string>& names) const {
  const auto stays = [&names](const auto& parameter) {
    const std::string_view name = parameter.first;
    return !same_name(name.substr(0, kOwnPrefix.size()), kOwnPrefix) &&
           std::none_of(names.begin(), names.end(),
                        [name](const std::string& taken) { return same_name(name, taken); });
  };
  const auto first = std::stable_partition(login.parameters.begin(), login.parameters.end(), stays);
  Parameters taken(std::make_move_iterator(first), std::make_move_iterator(login.parameters.end()));
  login.parameters.erase(first, login.parameters.end());
  return taken;
}

const Dialect& dialect(Protocol protocol) {
  return protocol == Protocol::mysql ? mysql::mysql_dialect() : postgresql::postgresql_dialect();
}

}  // namespace sluice::protocol
