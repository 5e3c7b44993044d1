#include "pipeline/core/verdict.h"

namespace weir {

std::string_view to_string(Action action) {
  switch (action) {
    case Action::kApprove:
      return "approve";
    case Action::kChallenge:
      return "challenge";
    case Action::kReview:
      return "review";
    case Action::kDecline:
      return "decline";
    case Action::kBlock:
      return "block";
  }
  return "review";
}

}  // namespace weir
