#pragma once

// Finds the statement that would change a setting which the session may not change
// (SessionDefaults::fixed, read_only_fixed), read from its text while it streams.
//
// It sees what the text says: SET, RESET, SET LOCAL, set_config() with its name written out, READ
// WRITE, the bodies of DO and of the functions that are created. A set_config() whose name it
// cannot read is refused. SQL that is put together on the server (EXECUTE in a function that is
// there already, query_to_xml) is not seen.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/conversation.hpp"
#include "protocol/sql/scanner.hpp"

namespace sluice::protocol::postgresql {

class SettingsGuard {
 public:
  // `defaults` outlives it.
  SettingsGuard(const SessionDefaults& defaults, sql::ScannerOptions options);

  void feed(Bytes text);
  // Once, after the last byte: why the text is refused.
  std::optional<Failure> finish();

 private:
  enum class Phase : std::uint8_t {
    start,   // before the first word of a statement
    plain,   // nothing but what matters anywhere
    target,  // after SET or RESET
    part,    // after "name."
    named,   // after a name: '.', or it is complete
    equals,  // a read-only switch: '=' or TO
    value,   // ... its value
    rest,    // ... and nothing more
  };
  enum class Found : std::uint8_t { nothing, fixed, read_only, unclear };

  void look_for_hidden(Bytes text);
  void take(const sql::Token& token);
  void begin_statement(const sql::Token& token);
  void end_statement();
  void take_target(const sql::Token& token);
  void begin_name(std::string_view name);
  void complete_name();
  void take_value(const sql::Token& token);
  void anywhere(const sql::Token& token);
  void take_call(const sql::Token& token);
  void take_modes(std::string_view word);
  void in_code(std::string_view word);
  void check(std::string_view name);
  void found(Found what, std::string_view name = {});

  const SessionDefaults& defaults_;
  sql::Scanner scanner_;
  const bool double_byte_;
  bool lead_ = false;  // the byte before may be the first of a character of two
  Phase phase_ = Phase::start;
  Found found_ = Found::nothing;
  std::string name_;                   // of the setting that is being read
  std::string hit_;                    // the fixed one that was found
  std::vector<std::size_t> progress_;  // in code: how far each fixed name was read
  std::uint32_t tokens_ = 0;           // of this statement
  std::uint8_t call_ = 0;              // 1: set_config was read, 2: its '(', 3: its first argument
  std::uint8_t unicode_ = 0;           // 1: U was read, 2: U&
  std::uint64_t end_ = 0;              // of the token before
  bool defines_ = false;               // CREATE or ALTER: SET may come anywhere
  bool creates_ = false;
  bool updates_ = false;          // UPDATE was read in this statement
  bool modes_ = false;            // transaction modes may follow
  bool characteristics_ = false;  // ... of the session
  bool read_ = false;             // READ was the word before
};

// All of a text at once; quick for most.
std::optional<Failure> fixed_refusal(const SessionDefaults& defaults, std::string_view text,
                                     sql::ScannerOptions options);
// A startup parameter that may not be set.
std::optional<Failure> fixed_refusal(const SessionDefaults& defaults, const Parameters& startup);

}  // namespace sluice::protocol::postgresql
