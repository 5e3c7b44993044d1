#pragma once
// Profiles that a test writes down itself, and who was asked for.

#include <algorithm>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "operators/features/entity_event.h"
#include "operators/features/profile.h"

namespace weir::operators {

class FakeProfiles final : public ProfileSource {
 public:
  struct Answer {
    ProfileState state = ProfileState::kNone;
    std::vector<double> values;
    ProfileVersion version;
    std::vector<LabelledRow> rows;
  };

  ProfileState find(state::EntityKind kind, std::string_view id, std::uint64_t plan_digest,
                    std::span<double> values, ProfileVersion& version,
                    std::vector<LabelledRow>* rows) const override {
    asked.push_back(entity_key(kind, id));
    digests[kind] = plan_digest;
    const auto found = answers.find(asked.back());
    if (found == answers.end()) return otherwise;
    const Answer& answer = found->second;
    if (answer.state == ProfileState::kCurrent) {
      std::ranges::copy(answer.values, values.begin());
      version = answer.version;
      if (rows != nullptr) *rows = answer.rows;
    }
    return answer.state;
  }

  std::map<std::string, Answer> answers;         // by entity key
  ProfileState otherwise = ProfileState::kNone;  // of all others
  mutable std::vector<std::string> asked;
  mutable std::map<state::EntityKind, std::uint64_t> digests;  // last asked for
};

}  // namespace weir::operators
