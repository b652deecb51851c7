#pragma once

// An explanation in words for people, and as JSON for programs.

#include <string>

#include "proxy/explain/explain.hpp"

namespace sluice::cli {

std::string explanation_text(const proxy::explain::Explanation& told,
                             const proxy::explain::Question& question);
// One object, with a newline.
std::string explanation_json(const proxy::explain::Explanation& told,
                             const proxy::explain::Question& question);

}  // namespace sluice::cli
