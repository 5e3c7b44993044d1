#include "operators/digest.h"

#define XXH_INLINE_ALL
#include <array>
#include <cstdint>
#include <span>

#include <openssl/evp.h>
#include <xxhash.h>

#include "pipeline/core/error.h"

namespace weir::operators {
namespace {

std::string to_hex(std::span<const unsigned char> bytes) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string out(bytes.size() * 2, '0');
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    out[2 * i] = kDigits[bytes[i] >> 4];
    out[2 * i + 1] = kDigits[bytes[i] & 15];
  }
  return out;
}

}  // namespace

std::string sha256_hex(std::string_view bytes) {
  std::array<unsigned char, 32> digest;
  unsigned int size = 0;
  const int done =
      EVP_Digest(bytes.data(), bytes.size(), digest.data(), &size, EVP_sha256(), nullptr);
  WEIR_CHECK(done == 1 && size == digest.size());
  return to_hex(digest);
}

std::string verdict_id(std::string_view user_id, std::string_view transaction_id,
                       std::string_view model_digest, std::string_view rules_digest) {
  std::string text;
  text.reserve(user_id.size() + transaction_id.size() + model_digest.size() + rules_digest.size() +
               4);
  for (const std::string_view part : {user_id, transaction_id, model_digest, rules_digest}) {
    text += part;
    text += '\0';
  }
  XXH128_canonical_t canonical;
  XXH128_canonicalFromHash(&canonical, XXH3_128bits(text.data(), text.size()));
  return to_hex(canonical.digest);
}

}  // namespace weir::operators
