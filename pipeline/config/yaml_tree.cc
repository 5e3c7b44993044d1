#include "pipeline/config/yaml_tree.h"

#include <algorithm>
#include <optional>
#include <sstream>

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

namespace weir::config {
namespace {

/// The text by lines, to turn yaml-cpp's marks (bytes, from 0) into places (characters, from 1).
class Lines {
 public:
  explicit Lines(std::string_view text) : text_(text) {
    std::size_t start = 0;
    while (start <= text.size()) {
      starts_.push_back(start);
      const auto end = text.find('\n', start);
      if (end == std::string_view::npos) break;
      start = end + 1;
    }
  }

  [[nodiscard]] std::string_view line(std::size_t index) const {
    if (index >= starts_.size()) return {};
    const auto end = text_.find('\n', starts_[index]);
    return text_.substr(starts_[index], end == std::string_view::npos ? end : end - starts_[index]);
  }

  [[nodiscard]] Place place(const YAML::Mark& mark) const {
    if (mark.is_null() || mark.line < 0) return {1, 1};
    const std::string_view before =
        line(static_cast<std::size_t>(mark.line))
            .substr(0, static_cast<std::size_t>(std::max(0, mark.column)));
    const auto characters = std::count_if(before.begin(), before.end(), [](char c) {
      return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U;
    });
    return {mark.line + 1, static_cast<int>(characters) + 1};
  }

  /// Everything from the mark on.
  [[nodiscard]] std::string_view from(const YAML::Mark& mark) const {
    const auto index = static_cast<std::size_t>(std::max(0, mark.line));
    if (mark.is_null() || index >= starts_.size()) return {};
    return text_.substr(
        std::min(text_.size(), starts_[index] + static_cast<std::size_t>(mark.column)));
  }

 private:
  std::string_view text_;
  std::vector<std::size_t> starts_;
};

/// True when the quoted text at the start of `rest` has its closing quote. yaml-cpp takes the end
/// of file for one.
bool quote_is_closed(std::string_view rest) {
  if (rest.empty() || (rest.front() != '"' && rest.front() != '\'')) return true;  // a block scalar
  const char quote = rest.front();
  for (std::size_t i = 1; i < rest.size(); ++i) {
    if (quote == '"' && rest[i] == '\\') {
      ++i;
    } else if (rest[i] == quote) {
      if (quote == '"' || i + 1 >= rest.size() || rest[i + 1] != '\'') return true;
      ++i;  // '' is a quote inside
    }
  }
  return false;
}

/// First byte that is not part of valid UTF-8, or is a control character YAML does not allow.
std::optional<std::size_t> first_bad_byte(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    const auto lead = static_cast<unsigned char>(text[i]);
    if (lead < 0x80) {
      if ((lead < 0x20 && lead != '\t' && lead != '\n' && lead != '\r') || lead == 0x7F) return i;
      ++i;
      continue;
    }
    const std::size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
    if (lead < 0xC2 || lead > 0xF4 || i + length > text.size()) return i;
    for (std::size_t k = 1; k < length; ++k) {
      if ((static_cast<unsigned char>(text[i + k]) & 0xC0U) != 0x80U) return i;
    }
    i += length;
  }
  return std::nullopt;
}

/// Receives yaml-cpp's events and builds the tree.
class TreeBuilder final : public YAML::EventHandler {
 public:
  TreeBuilder(const Lines& lines, const std::string& source, std::vector<Diagnostic>& diagnostics)
      : lines_(lines), source_(source), diagnostics_(diagnostics) {}

  /// The tree. After a syntax error the value before it is dropped: it is likely to be misread.
  YamlNode take(bool complete) {
    if (!complete && !open_.empty()) {
      Open& innermost = open_.back();
      if (!innermost.entry && !innermost.node.entries.empty()) innermost.node.entries.pop_back();
    }
    while (!open_.empty()) close();
    return std::move(root_);
  }
  [[nodiscard]] bool in_first_document() const { return documents_ <= 1; }

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (documents_ == 1) {
      if (lines_.from(mark).starts_with("---")) {
        complain(mark, "a second document starts", "keep one in the file: remove the '---'");
      } else {
        complain(mark, "text that belongs to nothing",
                 "check brackets and indentation here and above");
      }
    }
    ++documents_;
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    refuse_anchor(mark, anchor);
    YamlNode node;
    node.place = lines_.place(mark);
    add(std::move(node));
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    complain(mark, "aliases (*name) are not supported", "write the value out");
    YamlNode node;
    node.place = lines_.place(mark);
    node.kind = YamlNode::Kind::kUnusable;
    add(std::move(node));
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    refuse_anchor(mark, anchor);
    YamlNode node;
    node.kind = YamlNode::Kind::kScalar;
    node.place = lines_.place(mark);
    node.text = value;
    node.quoted = tag == "!";
    if (!node.quoted) refuse_tag(mark, tag);
    if (node.quoted && !quote_is_closed(lines_.from(mark))) {
      complain(mark, "the quote that starts here is never closed", "add the closing quote");
    }
    add(std::move(node));
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    start(mark, tag, anchor, YamlNode::Kind::kList);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    start(mark, tag, anchor, YamlNode::Kind::kMap);
  }
  void OnMapEnd() override { close(); }

 private:
  struct Open {
    YamlNode node;
    std::optional<YamlEntry> entry;  // a map's key whose value is awaited
    bool drop = false;               // the awaited value belongs to a duplicate or unusable key
  };

  void complain(const YAML::Mark& mark, std::string what, std::string remedy) {
    complain(lines_.place(mark), std::move(what), std::move(remedy));
  }
  void complain(Place place, std::string what, std::string remedy) {
    if (documents_ > 1) return;  // a second document is one finding as a whole
    diagnostics_.push_back({source_, place, std::move(what), std::move(remedy), Severity::kError});
  }
  void refuse_anchor(const YAML::Mark& mark, YAML::anchor_t anchor) {
    if (anchor != 0)
      complain(mark, "anchors (&name) are not supported", "write the value where it is used");
  }
  void refuse_tag(const YAML::Mark& mark, const std::string& tag) {
    if (!tag.empty() && tag != "?" && tag != "!") {
      complain(mark, "tags (!name) are not supported",
               "remove the tag; quote a value to make it text");
    }
  }

  void start(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
             YamlNode::Kind kind) {
    refuse_anchor(mark, anchor);
    refuse_tag(mark, tag);
    Open open;
    open.node.kind = kind;
    open.node.place = lines_.place(mark);
    open_.push_back(std::move(open));
  }

  void close() {
    YamlNode node = std::move(open_.back().node);
    open_.pop_back();
    add(std::move(node));
  }

  /// A finished node goes where it belongs: as a key, as that key's value, as a list's item, or as
  /// the root.
  void add(YamlNode node) {
    if (open_.empty()) {
      if (documents_ <= 1) root_ = std::move(node);
      return;
    }
    Open& parent = open_.back();
    if (parent.node.kind == YamlNode::Kind::kList) {
      parent.node.items.push_back(std::move(node));
    } else if (!parent.entry) {
      begin_entry(parent, std::move(node));
    } else {
      parent.entry->value = std::move(node);
      if (!parent.drop) parent.node.entries.push_back(std::move(*parent.entry));
      parent.entry.reset();
    }
  }

  void begin_entry(Open& map, YamlNode key) {
    map.drop = false;
    if (key.kind != YamlNode::Kind::kScalar) {
      complain(key.place, "a key must be a plain word", "write 'key: value'");
      map.drop = true;
    }
    const auto first = std::find_if(map.node.entries.begin(), map.node.entries.end(),
                                    [&](const YamlEntry& entry) { return entry.key == key.text; });
    if (!map.drop && first != map.node.entries.end()) {
      complain(key.place,
               fmt::format("duplicate key '{}', first at {}:{}", key.text, first->place.line,
                           first->place.column),
               "keep one of them");
      map.drop = true;
    }
    map.entry = YamlEntry{std::move(key.text), key.place, {}};
  }

  const Lines& lines_;
  const std::string& source_;
  std::vector<Diagnostic>& diagnostics_;
  std::vector<Open> open_;
  YamlNode root_;
  int documents_ = 0;
};

std::string syntax_remedy(std::string_view line) {
  const auto indent = line.substr(0, line.find_first_not_of(" \t"));
  if (indent.find('\t') != std::string_view::npos) return "indent with spaces, not with tabs";
  if (line.find("${") != std::string_view::npos)
    return "put a value with ${...} inside {...} or [...] in quotes";
  return "check indentation, colons and quotes here and on the line above";
}

}  // namespace

YamlDocument read_yaml(std::string_view text, const std::string& source,
                       std::vector<Diagnostic>& diagnostics) {
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  const Lines lines(text);
  if (const auto bad = first_bad_byte(text)) {
    YAML::Mark mark;
    mark.line = static_cast<int>(
        std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(*bad), '\n'));
    const auto line_start = text.rfind('\n', *bad);
    mark.column =
        static_cast<int>(line_start == std::string_view::npos ? *bad : *bad - line_start - 1);
    diagnostics.push_back({source, lines.place(mark), "the file is not UTF-8 text",
                           "save it as UTF-8", Severity::kError});
    return {{}, false};
  }
  std::istringstream stream{std::string(text)};
  TreeBuilder builder(lines, source, diagnostics);
  bool complete = true;
  try {
    YAML::Parser parser(stream);
    // Twice at most: at a stray bracket the library delivers empty documents without end.
    if (parser.HandleNextDocument(builder)) parser.HandleNextDocument(builder);
  } catch (const YAML::Exception& failure) {  // the library's exceptions end here
    complete = !builder.in_first_document();  // the second document is one finding already
    if (!complete) {
      const auto index = static_cast<std::size_t>(std::max(0, failure.mark.line));
      diagnostics.push_back({source, lines.place(failure.mark),
                             fmt::format("not YAML: {}", failure.msg),
                             syntax_remedy(lines.line(index)), Severity::kError});
    }
  }
  return {builder.take(complete), complete};
}

}  // namespace weir::config
