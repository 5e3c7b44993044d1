#pragma once
// The strict reading of one JSON object, the same for payments and labels: what a tree of fields
// wants as text, everything else checked to be JSON and then ignored.

#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "operators/formats/field_tree.h"

namespace weir::operators {

/// Reads one JSON object a call, in valid UTF-8.
///
/// null means absent. Unknown fields may nest, but not deeper than 32. A known field given twice is
/// refused, as "last one wins" would let two readers of the same bytes see two records.
///
/// Threading: one worker thread. Owns a parser and a padded copy of one record; both are scratch.
class JsonReader {
 public:
  /// The tree must outlive this.
  explicit JsonReader(const FieldTree& tree);
  ~JsonReader();

  /// Frees what earlier reads had to keep: their views end here.
  void forget();

  /// Fills `slots`, all absent before. A view without data is an absent field; an empty one is "".
  /// Views point into `bytes`, or, where a string had escapes, into this.
  std::optional<RecordFlaw> read(std::string_view bytes, std::span<std::string_view> slots);

 private:
  struct Parser;
  std::unique_ptr<Parser> parser_;
};

}  // namespace weir::operators
