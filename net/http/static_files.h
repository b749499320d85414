#pragma once
// Files from memory: a demo or console page that is part of the program.

#include "net/http/handler.h"

#include <map>
#include <memory>
#include <string>

namespace parley::net {

struct StaticFile {
  std::string content;
  std::string type;  // `text/html; charset=utf-8`
};

// Paths as in the URL, with their slash; `/` serves what stands under it. GET and HEAD only.
std::shared_ptr<HttpHandler> make_static_files(std::map<std::string, StaticFile, std::less<>> files);

}  // namespace parley::net
