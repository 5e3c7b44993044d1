#include "state/store_meta.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "state/bytes.h"

namespace weir::state {
namespace {

constexpr std::uint8_t kMetaVersion = 2;
constexpr std::uint8_t kMetaWithErasures = 3;  // only where there was one

}  // namespace

std::string user_key(std::string_view user_id) {
  std::string key;
  key.reserve(1 + user_id.size());
  key.push_back(kUserPrefix);
  key.append(user_id);
  return key;
}

std::string encode_meta(const StoreMeta& meta) {
  std::string out;
  const bool any_erasure =
      meta.point.erasures.count != 0 || meta.point.last.value_or(CommitRecord{}).erasures != 0;
  append(out, any_erasure ? kMetaWithErasures : kMetaVersion);
  append_text(out, meta.identity.cluster_id);
  append_text(out, meta.identity.changelog_topic);
  append(out, meta.identity.partition);
  append(out, meta.point.position);
  append(out, meta.point.sequence);
  const CommitRecord last = meta.point.last.value_or(CommitRecord{});
  append(out, last.next_offset);
  append(out, last.sequence);  // 0: no commit record known
  append(out, last.writes);
  append(out, last.hash);
  append(out, last.next_label);
  append(out, last.label_writes);
  if (any_erasure) {
    append(out, last.erasures);
    append(out, meta.point.erasures.count);
    append(out, meta.point.erasures.behind);
  }
  append(out, static_cast<std::uint32_t>(meta.lineages.size()));
  for (const auto& [id, lineage] : meta.lineages) {
    append(out, id);
    append_text(out, lineage.model_name);
    append_text(out, lineage.model_version);
    append_text(out, lineage.model_digest);
    append_text(out, lineage.rules_digest);
  }
  append(out, static_cast<std::uint64_t>(XXH3_64bits(out.data(), out.size())));
  return out;
}

Result<StoreMeta> decode_meta(std::string_view bytes) {
  constexpr std::string_view kRebuild = "; the store is rebuilt from the changelog";
  ByteReader reader(bytes);
  const auto version = reader.number<std::uint8_t>();
  if (!reader.failed() && version != kMetaVersion && version != kMetaWithErasures) {
    return fatal("state: store has format version " + std::to_string(version) +
                 ", this program reads " + std::to_string(kMetaWithErasures) +
                 std::string(kRebuild));
  }
  const Error damaged = fatal("state: damaged store: meta" + std::string(kRebuild));
  if (bytes.size() < 1 + sizeof(std::uint64_t)) return damaged;
  const std::size_t body = bytes.size() - sizeof(std::uint64_t);
  if (load<std::uint64_t>(bytes.data() + body) != XXH3_64bits(bytes.data(), body)) return damaged;

  reader = ByteReader(bytes.substr(1, body - 1));
  StoreMeta meta;
  meta.identity.cluster_id = reader.text();
  meta.identity.changelog_topic = reader.text();
  meta.identity.partition = reader.number<std::int32_t>();
  meta.point.position = reader.number<std::int64_t>();
  meta.point.sequence = reader.number<std::uint64_t>();
  CommitRecord last;
  last.next_offset = reader.number<std::int64_t>();
  last.sequence = reader.number<std::uint64_t>();
  last.writes = reader.number<std::uint32_t>();
  last.hash = reader.number<std::uint64_t>();
  last.next_label = reader.number<std::int64_t>();
  last.label_writes = reader.number<std::uint32_t>();
  if (version == kMetaWithErasures) {
    last.erasures = reader.number<std::uint32_t>();
    meta.point.erasures.count = reader.number<std::uint32_t>();
    meta.point.erasures.behind = reader.number<std::int64_t>();
  }
  if (last.sequence != 0) meta.point.last = last;
  const auto lineages = reader.number<std::uint32_t>();
  for (std::uint32_t i = 0; i < lineages && !reader.failed(); ++i) {
    const auto id = reader.number<std::uint64_t>();
    Lineage& lineage = meta.lineages[id];
    lineage.model_name = reader.text();
    lineage.model_version = reader.text();
    lineage.model_digest = reader.text();
    lineage.rules_digest = reader.text();
  }
  if (!reader.complete()) return damaged;
  return meta;
}

}  // namespace weir::state
