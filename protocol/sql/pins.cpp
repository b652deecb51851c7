#include "protocol/sql/pins.hpp"

#include <array>
#include <utility>

#include "protocol/sql/classifier.hpp"

namespace sluice::protocol::sql {

PinSet pins_of(const MysqlStatement& effects) {
  using enum MysqlTrait;
  static constexpr std::array<std::pair<MysqlTrait, Pin>, 13> kPins{
      {{user_variable, Pin::user_variable},
       {temporary, Pin::temporary},
       {text_prepare, Pin::prepared},
       {calc_found_rows, Pin::found_rows},
       {role, Pin::role},
       {set_character, Pin::settings},
       {uncarried, Pin::settings},
       {backend_identity, Pin::backend_identity},
       {handler, Pin::cursor},
       {xa_begin, Pin::session},
       {lock_tables, Pin::lock},
       {lock_instance, Pin::lock},
       {named_lock, Pin::lock}}};
  PinSet pins;
  for (const auto& [trait, pin] : kPins) {
    if (effects.has(trait)) {
      pins.add(pin);
    }
  }
  return pins;
}

PinSet pins_of(std::string_view text, ScannerOptions options) {
  return options.mysql
             ? pins_of(classify_mysql(text, {options.ansi_quotes, options.backslash_escapes}))
             : classify(text, options).pins;
}

}  // namespace sluice::protocol::sql
