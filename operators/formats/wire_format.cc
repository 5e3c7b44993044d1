#include "operators/formats/wire_format.h"

#include <algorithm>

#include <fmt/format.h>

#include "operators/formats/byte_reader.h"

namespace weir::operators {
namespace {

constexpr char kById = 0;
constexpr char kByGuid = 1;
constexpr std::int64_t kIndexesMax = 32;  // messages nest, but not without bound

const HeaderView* schema_header(const RawRecord& record) {
  const auto found = std::ranges::find(record.headers, kValueSchemaHeader, &HeaderView::name);
  return found == record.headers.end() ? nullptr : &*found;
}

}  // namespace

bool is_framed(const RawRecord& record) {
  if (!record.value.empty() && (record.value.front() == kById || record.value.front() == kByGuid))
    return true;
  return !record.headers.empty() && schema_header(record) != nullptr;
}

std::optional<Framed> read_frame(const RawRecord& record) {
  const HeaderView* header = record.headers.empty() ? nullptr : schema_header(record);
  std::string_view bytes = header != nullptr ? header->value : record.value;
  if (bytes.empty()) return std::nullopt;
  Framed framed;
  framed.in_header = header != nullptr;
  const char magic = bytes.front();
  bytes.remove_prefix(1);
  const auto byte_at = [&](std::size_t i) { return static_cast<std::uint8_t>(bytes[i]); };
  if (magic == kById && bytes.size() >= 4) {
    std::uint32_t id = 0;
    for (std::size_t i = 0; i < 4; ++i) id = id << 8U | byte_at(i);
    framed.id = id;
    framed.behind_id = bytes.substr(4);
    return framed;
  }
  if (magic == kByGuid && bytes.size() >= sizeof(SchemaGuid)) {
    SchemaGuid guid;
    for (std::size_t i = 0; i < guid.size(); ++i) guid[i] = byte_at(i);
    framed.id = guid;
    framed.behind_id = bytes.substr(guid.size());
    return framed;
  }
  return std::nullopt;
}

std::optional<std::string_view> take_message_indexes(std::string_view& bytes) {
  ByteReader reader(bytes);
  std::int64_t count = 0;
  if (!reader.zigzag(count) || count < 0 || count > kIndexesMax) return std::nullopt;
  for (std::int64_t i = 0; i < count; ++i) {
    std::int64_t index = 0;
    if (!reader.zigzag(index) || index < 0) return std::nullopt;
  }
  const std::string_view indexes = bytes.substr(0, bytes.size() - reader.left());
  bytes = reader.rest();
  return indexes;
}

void append_frame(std::string& out, std::uint32_t schema_id) {
  out += kById;
  for (const unsigned shift : {24U, 16U, 8U, 0U}) out += static_cast<char>(schema_id >> shift);
}

std::string to_text(const SchemaId& id) {
  if (const auto* number = std::get_if<std::uint32_t>(&id)) return fmt::format("id {}", *number);
  const auto& guid = std::get<SchemaGuid>(id);
  std::string text = "guid ";
  for (std::size_t i = 0; i < guid.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) text += '-';
    text += fmt::format("{:02x}", guid[i]);
  }
  return text;
}

}  // namespace weir::operators
