#include "pipeline/http/http_client.h"

#include <cctype>
#include <mutex>

#include <curl/curl.h>
#include <fmt/core.h>

namespace weir::http {
namespace {

void initialise_once() {
  static std::once_flag once;  // libcurl's own state, which is the process's
  std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
}

struct Sink {
  std::string body;
  std::size_t bytes_max;
};

/// Less than it was given: libcurl ends the transfer.
std::size_t take(const char* bytes, std::size_t size, std::size_t count, void* to) {
  Sink& sink = *static_cast<Sink*>(to);
  if (sink.body.size() + size * count > sink.bytes_max) return 0;
  sink.body.append(bytes, size * count);
  return size * count;
}

struct HeaderList {
  curl_slist* first = nullptr;
  ~HeaderList() { curl_slist_free_all(first); }
  void add(const std::string& line) { first = curl_slist_append(first, line.c_str()); }
};

}  // namespace

std::string shown_url(std::string_view url) {
  url = url.substr(0, url.find('?'));
  const auto scheme = url.find("://");
  const auto at = url.substr(0, url.find('/', scheme == url.npos ? 0 : scheme + 3)).rfind('@');
  if (at == url.npos || scheme == url.npos) return std::string(url);
  return fmt::format("{}{}", url.substr(0, scheme + 3), url.substr(at + 1));
}

struct Client::Handle {
  CURL* curl = curl_easy_init();
  ~Handle() { curl_easy_cleanup(curl); }

  template <class T>
  void set(CURLoption option, T value) {
    curl_easy_setopt(curl, option, value);
  }
};

Client::Client(ClientOptions options) : options_(std::move(options)) {
  initialise_once();
  handle_ = std::make_unique<Handle>();
}
Client::~Client() = default;

Result<Response> Client::send(const Request& request) {
  Handle& to = *handle_;
  if (to.curl == nullptr) return retry("libcurl cannot be set up");
  curl_easy_reset(to.curl);  // options, not connections
  char reason[CURL_ERROR_SIZE] = "";
  Sink sink{{}, options_.response_bytes_max};
  HeaderList headers;
  for (const std::string& line : request.headers) headers.add(line);
  headers.add("Expect:");  // no round trip before the body

  to.set(CURLOPT_URL, request.url.c_str());
  to.set(CURLOPT_PROTOCOLS_STR, "http,https");
  to.set(CURLOPT_PROXY, "");
  to.set(CURLOPT_NOSIGNAL, 1L);  // other threads run
  to.set(CURLOPT_ERRORBUFFER, reason);
  to.set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(options_.connect_timeout.count()));
  to.set(CURLOPT_TIMEOUT_MS, static_cast<long>(options_.timeout.count()));
  to.set(CURLOPT_HTTPHEADER, headers.first);
  to.set(CURLOPT_WRITEFUNCTION, take);
  to.set(CURLOPT_WRITEDATA, &sink);
  if (!options_.ca_file.empty()) to.set(CURLOPT_CAINFO, options_.ca_file.c_str());
  if (!request.user.empty()) {
    to.set(CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
    to.set(CURLOPT_USERNAME, request.user.c_str());
    to.set(CURLOPT_PASSWORD, request.password.c_str());
  }
  if (!request.bearer_token.empty()) {
    to.set(CURLOPT_HTTPAUTH, CURLAUTH_BEARER);
    to.set(CURLOPT_XOAUTH2_BEARER, request.bearer_token.c_str());
  }
  if (request.method != "GET") {
    to.set(CURLOPT_CUSTOMREQUEST, request.method.c_str());
    to.set(CURLOPT_POSTFIELDS, request.body.c_str());
    to.set(CURLOPT_POSTFIELDSIZE, static_cast<long>(request.body.size()));
  }
  const CURLcode code = curl_easy_perform(to.curl);
  if (code == CURLE_WRITE_ERROR) {
    return retry(fmt::format("{}: the answer is larger than {} bytes", shown_url(request.url),
                             options_.response_bytes_max));
  }
  if (code == CURLE_URL_MALFORMAT || code == CURLE_UNSUPPORTED_PROTOCOL) {
    return fatal(fmt::format("{}: {}", shown_url(request.url), curl_easy_strerror(code)));
  }
  if (code != CURLE_OK) {
    return retry(fmt::format("{}: {}", shown_url(request.url),
                             reason[0] != '\0' ? reason : curl_easy_strerror(code)));
  }
  Response response;
  curl_easy_getinfo(to.curl, CURLINFO_RESPONSE_CODE, &response.status);
  response.body = std::move(sink.body);
  return response;
}

std::string escape_segment(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool plain = std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '.' ||
                       c == '_' || c == '~';
    out += plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return out;
}

}  // namespace weir::http
