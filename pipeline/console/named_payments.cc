#include "pipeline/console/named_payments.h"

#include <algorithm>

#include "operators/decode.h"
#include "operators/field_checks.h"

namespace weir::console {
namespace {

std::size_t place_of(std::string_view name) {
  const auto fields = operators::payment_fields();
  for (std::size_t i = 0; i < fields.size(); ++i) {
    if (fields[i].name == name) return i;
  }
  check_failed("a field of that name", __FILE__, __LINE__);
}

}  // namespace

NamedIdsReader::NamedIdsReader(const operators::Settings& settings, SchemaSource* schemas)
    : record_bytes_max_(settings.input.record_bytes_max),
      device_(place_of("device_id")),
      ip_(place_of("ip")),
      card_(place_of("card_token")),
      reader_(operators::payment_fields(), settings.transactions, schemas),
      values_(operators::payment_fields().size()) {}

NamedIds NamedIdsReader::read(const RawRecord& record) {
  if (record.tombstone) return {};
  reader_.forget();
  const auto flaw = reader_.read(record, record_bytes_max_, values_);
  if (!flaw || *flaw) return {};
  const std::array named{values_[device_], values_[ip_], values_[card_]};
  const auto too_long = [](std::string_view id) { return id.size() > operators::kIdBytesMax; };
  if (std::ranges::any_of(named, too_long)) return {};  // the pipeline makes a dead letter of it
  return {std::string(named[0]), std::string(named[1]), std::string(named[2])};
}

void NamedPayments::add(const Spot& spot, NamedIds ids) {
  const auto [partition, offset] = spot;
  const std::scoped_lock lock(mutex_);
  Reach& reach = reach_.try_emplace(partition, Reach{offset, offset}).first->second;
  if (offset < reach.next) return;  // read again, after the reader had to start anew
  reach.next = offset + 1;
  if (ids.empty()) return;
  if (payments_.size() >= max_) forget_oldest();
  // Not make_shared: its memory would wait for the last weak pointer.
  const std::shared_ptr<Payment> payment(new Payment{spot, std::move(ids), {}});
  const auto all = payment->ids.all();
  for (std::size_t kind = 0; kind < all.size(); ++kind) {
    if (all[kind].empty()) continue;
    Kept& newest = newest_[kind][std::string(all[kind])];
    payment->before[kind] = newest;
    newest = payment;
  }
  payments_.push_back(payment);
  by_spot_.emplace(spot, payment);
}

void NamedPayments::forget_oldest() {
  const Kept oldest = payments_.front();
  payments_.pop_front();
  by_spot_.erase(oldest->spot);
  reach_.at(oldest->spot.first).first = oldest->spot.second + 1;
  const auto all = oldest->ids.all();
  for (std::size_t kind = 0; kind < all.size(); ++kind) {
    const auto found = newest_[kind].find(std::string(all[kind]));
    if (found != newest_[kind].end() && found->second == oldest) newest_[kind].erase(found);
  }
}

std::optional<NamedIds> NamedPayments::at(const Spot& spot) const {
  const std::scoped_lock lock(mutex_);
  const auto found = by_spot_.find(spot);
  if (found != by_spot_.end()) return found->second->ids;
  const auto reach = reach_.find(spot.first);
  const bool known = reach != reach_.end() && spot.second >= reach->second.first &&
                     spot.second < reach->second.next;
  return known ? std::optional<NamedIds>(NamedIds{}) : std::nullopt;
}

std::vector<Spot> NamedPayments::that_named(std::size_t kind, const std::string& id,
                                            std::size_t limit) const {
  const std::scoped_lock lock(mutex_);
  const auto found = newest_[kind].find(id);
  std::vector<Spot> spots;
  Kept payment = found == newest_[kind].end() ? nullptr : found->second;
  for (; payment && spots.size() < limit; payment = payment->before[kind].lock()) {
    spots.push_back(payment->spot);
  }
  return spots;
}

}  // namespace weir::console
