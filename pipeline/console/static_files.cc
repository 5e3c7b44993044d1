#include "pipeline/console/static_files.h"

#include <algorithm>

#include "operators/digest.h"
#include "pipeline/console/assets.h"

namespace weir::console {

std::string_view content_type_of(std::string_view name) {
  if (name.ends_with(".html")) return "text/html; charset=utf-8";
  if (name.ends_with(".js")) return "text/javascript; charset=utf-8";
  if (name.ends_with(".css")) return "text/css; charset=utf-8";
  if (name.ends_with(".svg")) return "image/svg+xml";
  return "application/octet-stream";
}

Reply serve_file(const Request& request) {
  constexpr std::string_view kFolder = "/assets/";
  const std::string_view path = request.path;
  const std::string_view name = path == "/"                 ? std::string_view("index.html")
                                : path.starts_with(kFolder) ? path.substr(kFolder.size())
                                                            : std::string_view();
  const auto found = std::ranges::find(assets(), name, &Asset::name);
  if (name.empty() || found == assets().end()) {
    return error_reply(404, "there is no such page", "open /");
  }
  const std::string etag = '"' + operators::sha256_hex(found->content).substr(0, 32) + '"';
  Reply reply;
  reply.content_type = content_type_of(found->name);
  reply.headers = {{"ETag", etag}, {"Cache-Control", "no-cache"}};
  if (request.if_none_match.find(etag) != std::string::npos) {
    reply.status = 304;
  } else {
    reply.body = found->content;
  }
  return reply;
}

}  // namespace weir::console
