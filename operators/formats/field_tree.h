#pragma once
// Where the wanted fields stand in a record, as a tree of names that all formats are read along,
// and how what was found becomes fields.

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "operators/formats/field_table.h"
#include "operators/formats/record_format.h"

namespace weir::operators {

/// A name in a record under which something is wanted: a value (a leaf), or more names below it.
struct WantedField {
  std::string name;
  int slot = -1;                   // of a leaf; -1: a record with names below
  std::vector<WantedField> below;  // of a record; at most 64
};

/// A reader fills slots; resolve() makes fields of them. Without a mapping slot i is field i.
class FieldTree {
 public:
  /// At most 32 fields; the table must outlive this. A mapping that names no field of the table, or
  /// wants a name both as a value and as a record, was refused with the configuration: it ends the
  /// process (see check_mapping).
  FieldTree(std::span<const FieldSpec> fields, const FieldMapping& mapping);

  [[nodiscard]] const WantedField& root() const { return root_; }
  /// The field that a slot is read for: its kind says what it may hold.
  [[nodiscard]] std::span<const FieldSpec> slots() const { return slots_; }
  /// Slots are fields: there is nothing to resolve.
  [[nodiscard]] bool is_plain() const { return choices_.empty(); }
  /// The first choice of each field that is there. Views stay those of `slots` and of this.
  void resolve(std::span<const std::string_view> slots, std::span<std::string_view> fields) const;

 private:
  struct Choice {
    int slot = -1;  // -1: the constant
    std::string constant;
  };

  void want(std::string_view path, const FieldSpec& field, std::vector<Choice>& choices);

  WantedField root_;
  std::vector<FieldSpec> slots_;
  std::vector<std::vector<Choice>> choices_;  // by field
};

/// What is wrong with a mapping, in words for its author; empty: nothing. `field` is the one to
/// blame.
struct MappingFlaw {
  std::string field;
  std::string what;
  std::string remedy;
};
std::vector<MappingFlaw> check_mapping(std::span<const FieldSpec> fields,
                                       const FieldMapping& mapping);

}  // namespace weir::operators
