#pragma once

// What is asked of the files of TLS beside loading them: whether they are others now, and when a
// certificate ends.

#include <chrono>
#include <optional>
#include <string>

#include "config/config.hpp"

namespace sluice::proxy {

// What is in the files of a pool's TLS, as a digest: equal if they are.
std::string tls_files(const config::PoolTls& tls);

// The end of the first certificate of a PEM file that ends; empty when none can be read.
std::optional<std::chrono::system_clock::time_point> not_after(const std::string& file);

}  // namespace sluice::proxy
