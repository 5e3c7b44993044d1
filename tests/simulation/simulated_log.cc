#include "tests/simulation/simulated_log.h"

#include <algorithm>
#include <set>
#include <utility>

#include "state/changelog.h"
namespace weir::simulation {

SimulatedOutput::SimulatedOutput(World& world, const int& generation)
    : world_(world), generation_(generation), inner_(world.cluster) {
  inner_.faults = [this](std::string_view call, const OutputRecord*) { return pass(call); };
}

TxnResult SimulatedOutput::pass(std::string_view call) {
  if (publishing_) return {};
  const bool took_effect = call == "committed";
  if (took_effect) end_transaction(true);
  const Fault fault = world_.faults.pass(call);
  const bool ends = took_effect || call == "commit";
  if (ends && fault == Fault::kUnknown)
    return {TxnOutcome::kUnknown, "the answer is lost", -1, Stream::kVerdicts};
  if (!took_effect && fault != Fault::kNone)
    return {TxnOutcome::kAborted, "injected", -1, Stream::kVerdicts};
  if (call == "commit" && world_.exactly_once && world_.checks_generation &&
      generation_ != world_.generation) {
    return {TxnOutcome::kAborted, "illegal generation", -1, Stream::kVerdicts};
  }
  return {};
}

Status SimulatedOutput::open() {
  world_.faults.pass("open");
  return ok();
}

TxnResult SimulatedOutput::send(OutputRecord&& record) {
  const bool is_changelog = record.stream == Stream::kChangelog;
  const auto partition = record.partition;
  auto sent = inner_.send(std::move(record));
  if (sent.outcome != TxnOutcome::kCommitted) return sent;
  if (is_changelog) ++open_[partition];
  if (!world_.exactly_once) publish();
  return sent;
}

void SimulatedOutput::publish() {
  publishing_ = true;
  inner_.commit({});
  publishing_ = false;
  end_transaction(true);
}

void SimulatedOutput::end_transaction(bool committed) {
  for (const auto& [partition, count] : open_) {
    auto& log = world_.changelog[partition];
    for (std::int64_t i = 0; i < count; ++i, ++log.end) {
      if (committed) log.of_record.push_back(log.end);
    }
    if (world_.exactly_once) ++log.end;  // the marker
  }
  open_.clear();
}

std::int64_t SimulatedOutput::changelog_position(std::int32_t partition) const {
  const auto log = world_.changelog.find(partition);
  const auto end = log == world_.changelog.end() ? 0 : log->second.end;
  if (!world_.exactly_once) return end;
  const auto open = open_.find(partition);
  return open == open_.end() ? -1 : end + open->second;
}

TxnResult SimulatedOutput::commit(std::span<const PartitionOffset> offsets) {
  auto result = inner_.commit(offsets);
  // Without a transaction the offsets are only a hint: results are durable, and the commit record
  // says where to go on.
  return world_.exactly_once ? result : TxnResult{};
}

Status SimulatedOutput::abort() {
  world_.faults.pass("abort");
  end_transaction(false);
  return inner_.abort();
}

Result<std::pair<std::int64_t, std::int64_t>> SimulatedChangelog::bounds(std::int32_t partition) {
  if (world_.faults.pass("bounds") != Fault::kNone) return retry("changelog: no answer");
  return std::pair{std::int64_t{0}, world_.changelog[partition].end};
}

Status SimulatedChangelog::start(std::span<const PartitionOffset> positions) {
  std::vector<PartitionOffset> indices;
  for (const auto& p : positions) {
    const auto& offsets = world_.changelog[p.partition].of_record;
    indices.push_back(
        {p.partition, std::ranges::lower_bound(offsets, p.next_offset) - offsets.begin()});
  }
  return inner_.start(indices);
}

Status SimulatedChangelog::read(std::chrono::milliseconds timeout,
                                const std::function<Status(const Record&)>& sink) {
  if (world_.faults.pass("read") != Fault::kNone) return retry("changelog: no answer");
  return inner_.read(timeout, [&](const Record& record) {
    if (record.tombstone && !record.value.empty()) return ok();
    Record seen = record;
    seen.offset =
        world_.changelog[record.partition].of_record.at(static_cast<std::size_t>(record.offset));
    return sink(seen);
  });
}

std::int64_t SimulatedChangelog::position(std::int32_t partition) const {
  const auto index = inner_.position(partition);
  if (index < 0) return -1;
  const auto& log = world_.changelog.at(partition);
  const auto at = static_cast<std::size_t>(index);
  return at < log.of_record.size() ? log.of_record[at] : log.end;
}

namespace {

/// Where the front may end. In at_least_once a crashed worker may have written what it never
/// committed; the broker's min.compaction.lag.ms gives its successor time to write it again before
/// it can displace anything.
std::vector<std::size_t> compactable_ends(const std::vector<replay::StoredRecord>& records,
                                          bool exactly_once) {
  std::vector<std::size_t> ends;
  std::int64_t next_offset = 0;  // behind all entries so far
  for (std::size_t i = 0; i < records.size(); ++i) {
    if (records[i].key.front() == 'w') continue;  // behind the entry of its payment
    const auto record = state::decode_changelog(records[i].key, records[i].value);
    WEIR_CHECK(record);
    const auto* entry = std::get_if<state::EntryRecord>(&*record);
    if (entry != nullptr) next_offset = std::max(next_offset, entry->input_offset + 1);
    const auto* commit = std::get_if<state::CommitRecord>(&*record);
    const bool repeated = commit != nullptr && commit->next_offset >= next_offset;
    if (exactly_once || repeated) ends.push_back(i + 1);
  }
  return ends;
}

}  // namespace

void compact(World& world, std::int32_t partition, Random& random) {
  auto& records = world.cluster.changelog[partition];
  const auto ends = compactable_ends(records, world.exactly_once);
  if (ends.empty()) return;
  std::set<std::string_view> newer;
  for (std::size_t i = random.pick(ends); i-- > 0;) {
    if (!newer.insert(records[i].key).second) {
      records[i].tombstone = true;  // with its value: compacted away, and never read
    }
  }
}

}  // namespace weir::simulation
