#pragma once
// GET / and /assets/<name>: the page from the binary, with a strong ETag.

#include <string_view>

#include "pipeline/console/http_server.h"

namespace weir::console {

/// 304 where the client has it already, 404 for what is no file of the page.
Reply serve_file(const Request& request);

}  // namespace weir::console
