#pragma once
// Which case a person should open next: the one whose minutes are expected to save most money.
//
//   money a minute = saving / minutes
//   saving         = what acting without looking costs, less what knowing costs
//                  = min(approve, decline) - p * 0 - (1 - p) * 0 = min(approve, decline)
//
// approve and decline are the verdict's expected costs (major units of its currency). Who has
// looked knows: a fraud is then declined and a genuine payment approved, and both cost nothing but
// the minutes. Without a look the better of the two is what is paid. The price of the review itself
// is left out, since it is the person's minutes that are being placed. Each case takes
// console.minutes_per_case; amounts of several currencies are compared by their numbers, as the
// costs in the configuration are.
//
// In the queue: action review or challenge, and declines (a wrong one costs a customer), of the
// kept verdicts, until somebody has spoken.

#include <map>
#include <string>
#include <vector>

#include "pipeline/console/kept_verdicts.h"

namespace weir::console {

struct QueueCase {
  Verdict verdict;
  double money_per_minute = 0;
};

struct Queue {
  std::vector<QueueCase> cases;                 // dearest minute first; equal ones: the older first
  std::size_t waiting = 0;                      // in all
  std::map<std::string, double> money_waiting;  // major units by currency
};

bool belongs_in_queue(const KeptVerdict& verdict);
double money_per_minute(const KeptVerdict& verdict, double minutes_per_case);
Queue make_queue(const KeptVerdicts& kept, std::size_t limit, double minutes_per_case);

}  // namespace weir::console
