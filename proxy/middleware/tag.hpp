#pragma once

// tag: every statement goes to the server with a comment in the form of sqlcommenter, so that its
// logs and statistics tell which route and which trace it belongs to.
//
//   SELECT 1;        ->  SELECT 1 /*route='pets',traceparent='00-...-01'*/;
//
// The comment stands behind the last token, so that the positions in the server's errors stay true.
// Keys that the client's own comment has are the client's; the others are added to it.

#include "proxy/middleware/middleware.hpp"

namespace sluice::proxy::middleware {

Made make(const config::Tag& options);

}  // namespace sluice::proxy::middleware
