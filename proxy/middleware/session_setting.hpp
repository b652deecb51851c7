#pragma once

// Settings that middleware gives to the database session. One name serves both families:
//
//   in the file    PostgreSQL            MySQL
//   app.user       app.user              the user variable @app_user
//   time_zone      the setting           the system variable
//   @app_user      left out              the user variable @app_user

#include <optional>
#include <string>
#include <string_view>

#include "proxy/middleware/middleware.hpp"

namespace sluice::proxy::middleware {

// Empty: it can be set. Else what is wrong with the name.
std::string setting_problem(std::string_view name);

// In lower case, as the conversations compare them. Empty: this family has no such setting.
std::optional<std::string> setting_name(std::string_view name, protocol::Protocol protocol);

// Replaces what an earlier entry of the chain gave.
void put_setting(Login& login, std::string name, std::string value);
// Likewise, and the client cannot change it.
void fix_setting(Login& login, std::string name, std::string value);

}  // namespace sluice::proxy::middleware
