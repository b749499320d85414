#include "net/http/static_files.h"

#include <utility>

namespace parley::net {

namespace {

class StaticFiles final : public HttpHandler {
 public:
  explicit StaticFiles(std::map<std::string, StaticFile, std::less<>> files) : files_(std::move(files)) {}

  bool handle(const HttpRequest& request, const std::shared_ptr<Exchange>& exchange) override {
    const auto file = files_.find(request.path);
    if (file == files_.end()) return false;
    if (request.method != "GET" && request.method != "HEAD") {
      exchange->respond({.status = 405, .content_type = "", .headers = {{"Allow", "GET, HEAD"}}, .route = "static"});
      return true;
    }
    exchange->respond({.body = file->second.content,
                       .content_type = file->second.type,
                       .headers = {{"Cache-Control", "no-cache"}, {"X-Content-Type-Options", "nosniff"}},
                       .route = "static"});
    return true;
  }

 private:
  const std::map<std::string, StaticFile, std::less<>> files_;
};

}  // namespace

std::shared_ptr<HttpHandler> make_static_files(std::map<std::string, StaticFile, std::less<>> files) {
  return std::make_shared<StaticFiles>(std::move(files));
}

}  // namespace parley::net
