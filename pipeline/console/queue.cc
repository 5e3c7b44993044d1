#include "pipeline/console/queue.h"

#include <algorithm>
#include <cmath>

namespace weir::console {

bool belongs_in_queue(const KeptVerdict& v) {
  return !v.duplicate && (v.action == "review" || v.action == "challenge" || v.action == "decline");
}

double money_per_minute(const KeptVerdict& v, double minutes_per_case) {
  return std::max(0.0, std::min(v.cost_approve, v.cost_decline)) / minutes_per_case;
}

Queue make_queue(const KeptVerdicts& kept, std::size_t limit, double minutes_per_case) {
  Queue queue;
  for (const Verdict& verdict : kept.open(belongs_in_queue)) {
    queue.cases.push_back({verdict, money_per_minute(*verdict, minutes_per_case)});
    queue.money_waiting[verdict->currency] +=
        static_cast<double>(verdict->amount_minor) / std::pow(10.0, verdict->exponent);
  }
  queue.waiting = queue.cases.size();
  std::ranges::stable_sort(queue.cases, std::ranges::greater{}, &QueueCase::money_per_minute);
  if (queue.cases.size() > limit) queue.cases.resize(limit);
  return queue;
}

}  // namespace weir::console
