#pragma once

// Settings of a session: what it starts with, and the SQL that brings a backend from what it has to
// what the session wants.

#include <string>
#include <string_view>

#include "protocol/baseline.hpp"
#include "protocol/conversation.hpp"
#include "protocol/settings.hpp"

namespace sluice::protocol::postgresql {

// Startup parameters of the client, and the pool's defaults that it does not set itself.
SettingsPtr startup_settings(const Parameters& parameters, const SessionDefaults& defaults);

// A copy with one difference; null when nothing is left.
SettingsPtr with_setting(const SettingsPtr& settings, std::string_view name,
                         std::string_view value);
SettingsPtr without_setting(const SettingsPtr& settings, std::string_view name);
const std::string* find_setting(const SettingsPtr& settings, std::string_view name);

// One transaction, so that a failure leaves the backend in a failed transaction and nothing that
// was sent after it can run. Empty when there is no difference.
// What the session does not want goes back to the value of the baseline, else of the login.
std::string settings_difference(const SettingsPtr& has, const SettingsPtr& wants,
                                const Baseline* baseline = nullptr);
// "SELECT set_config(...), ..." of every entry; for use inside a transaction.
std::string apply_settings(const Settings& settings);

std::string quote_literal(std::string_view text);
// A setting's name, each of its parts in double quotes.
std::string quote_name(std::string_view name);

std::string lower_case(std::string_view text);
bool same_setting_name(std::string_view a, std::string_view b);

}  // namespace sluice::protocol::postgresql
