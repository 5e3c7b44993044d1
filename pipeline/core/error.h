#pragma once
// Errors sorted by what the worker must do about them: there are exactly three things it can do.

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace weir {

enum class ErrorKind : std::uint8_t {
  kRejectEvent,  // this event is bad: dead letter, go on
  kRetry,        // a peer is unwell: drop staged writes, back off, same batch again (bounded)
  kFatal,        // our own state may be wrong, or nothing can help: stop before committing anything
};

/// What went wrong: static text first, run-time values last. Never carries payload bytes or
/// secrets.
struct Error {
  ErrorKind kind;
  std::string message;
};

inline Error retry(std::string message) {
  return {ErrorKind::kRetry, std::move(message)};
}
inline Error fatal(std::string message) {
  return {ErrorKind::kFatal, std::move(message)};
}

/// Value or Error, with the names of std::expected (C++23).
template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : content_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : content_(std::in_place_index<1>, std::move(error)) {}

  [[nodiscard]] bool has_value() const { return content_.index() == 0; }
  explicit operator bool() const { return has_value(); }
  T& value() & { return std::get<0>(content_); }
  const T& value() const& { return std::get<0>(content_); }
  T&& value() && { return std::get<0>(std::move(content_)); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }
  [[nodiscard]] const Error& error() const { return std::get<1>(content_); }

 private:
  std::variant<T, Error> content_;
};

using Status = Result<std::monostate>;
inline Status ok() {
  return Status(std::monostate{});
}

#define WEIR_CONCAT_INNER(a, b) a##b
#define WEIR_CONCAT(a, b) WEIR_CONCAT_INNER(a, b)
/// Leaves the calling function with the Error of `expression`, if it has one.
#define WEIR_RETURN_IF_ERROR(expression)                                           \
  do {                                                                             \
    if (auto weir_status = (expression); !weir_status) return weir_status.error(); \
  } while (false)

/// Ends the process: a broken invariant is a bug, in release builds too. Bad input never gets here.
[[noreturn]] void check_failed(std::string_view condition, std::string_view file, int line);
#define WEIR_CHECK(condition) \
  (static_cast<bool>(condition) ? void(0) : ::weir::check_failed(#condition, __FILE__, __LINE__))

}  // namespace weir
