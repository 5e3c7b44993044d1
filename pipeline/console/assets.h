#pragma once
// The page, inside the binary: pipeline/console/web/* as they were at build time.

#include <span>
#include <string_view>

namespace weir::console {

struct Asset {
  std::string_view name;  // "app.js"
  std::string_view content;
};

/// By name, without the README.
std::span<const Asset> assets();
std::string_view content_type_of(std::string_view name);

}  // namespace weir::console
