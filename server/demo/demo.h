#pragma once
// The demo of `parley serve --dev`: the embedded page at `/`, and the small backend that a real site
// would write itself: who somebody is, who may join what, and posting a message, of which the other
// members of its domain are told. Never without --dev: it asks nobody who they are.

#include "net/http/handler.h"

#include <memory>

namespace parley::server {

// POST /demo/auth, POST /demo/user-auth, POST /demo/messages, GET /demo/history, and the page's files.
std::shared_ptr<net::HttpHandler> make_demo_handler();

}  // namespace parley::server
