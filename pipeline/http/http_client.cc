#include "pipeline/http/http_client.h"

#include <memory>
#include <string_view>

#include <curl/curl.h>
#include <fmt/format.h>

namespace weir::http {
namespace {

struct FreeHeaders {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using Headers = std::unique_ptr<curl_slist, FreeHeaders>;

struct Body {
  std::string bytes;
  std::size_t bytes_max;
};

std::size_t take(const char* bytes, std::size_t, std::size_t size, void* to) {
  auto& body = *static_cast<Body*>(to);
  if (size > body.bytes_max - body.bytes.size()) return 0;  // ends the transfer
  body.bytes.append(bytes, size);
  return size;
}

/// Without what may be a secret: user, password, query.
std::string shown(std::string_view url) {
  url = url.substr(0, url.find('?'));
  const auto scheme = url.find("://");
  const auto at = url.substr(0, url.find('/', scheme == url.npos ? 0 : scheme + 3)).rfind('@');
  if (at == url.npos || scheme == url.npos) return std::string(url);
  return fmt::format("{}{}", url.substr(0, scheme + 3), url.substr(at + 1));
}

Headers header_list(const Request& request) {
  curl_slist* list = nullptr;
  for (const auto& [name, value] : request.headers) {
    list = curl_slist_append(list, fmt::format("{}: {}", name, value).c_str());
  }
  list = curl_slist_append(list, "Expect:");  // no round trip before the body
  return Headers(list);
}

}  // namespace

Client::Client() : curl_(curl_easy_init()) {
  WEIR_CHECK(curl_ != nullptr);
}
Client::~Client() {
  curl_easy_cleanup(curl_);
}

Result<Response> Client::send(const Request& request) {
  auto* curl = static_cast<CURL*>(curl_);
  const Headers headers = header_list(request);
  Body body{{}, request.response_bytes_max};
  curl_easy_reset(curl);
  curl_easy_setopt(curl, CURLOPT_URL, request.url.c_str());
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, request.method.c_str());
  if (request.method == "HEAD") curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
  if (!request.body.empty()) {
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request.body.data());
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE,
                     static_cast<curl_off_t>(request.body.size()));
  }
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers.get());
  curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, static_cast<long>(request.timeout.count()));
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);  // timeouts without signals: there are threads
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &body);

  const CURLcode code = curl_easy_perform(curl);
  if (code == CURLE_WRITE_ERROR) {
    return retry(fmt::format("{}: the answer is longer than {} bytes", shown(request.url),
                             request.response_bytes_max));
  }
  if (code == CURLE_URL_MALFORMAT || code == CURLE_UNSUPPORTED_PROTOCOL) {
    return fatal(fmt::format("{}: {}", shown(request.url), curl_easy_strerror(code)));
  }
  if (code != CURLE_OK) {
    return retry(fmt::format("{}: {}", shown(request.url), curl_easy_strerror(code)));
  }
  Response response;
  const char* type = nullptr;
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &response.status);
  curl_easy_getinfo(curl, CURLINFO_CONTENT_TYPE, &type);
  if (type != nullptr) response.content_type = type;
  response.body = std::move(body.bytes);
  return response;
}

}  // namespace weir::http
