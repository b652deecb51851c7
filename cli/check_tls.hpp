#pragma once

// Whether the certificates and keys that a configuration names can be used, as `run` would find it.

#include <chrono>
#include <string>
#include <vector>

#include "config/config.hpp"

namespace sluice::cli {

struct TlsProblem {
  std::string text;
  bool warning = false;  // a certificate that has ended, or will within kEndsSoon
};

constexpr std::chrono::hours kEndsSoon{24 * 14};

// Reads the files of every listener, every pool and `admin` that use TLS.
std::vector<TlsProblem> check_tls(const config::Config& config,
                                  std::chrono::system_clock::time_point now);

}  // namespace sluice::cli
