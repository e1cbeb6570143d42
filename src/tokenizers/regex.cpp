// SPDX-License-Identifier: Apache-2.0
#include "tokenizers/regex.hpp"

#include <algorithm>
#include <utility>

#include "base/utf8.hpp"
#include "modelpool/error.hpp"
#include "tokenizers/regex_parser.hpp"
#include "tokenizers/unicode/classes.hpp"

namespace modelpool::tokenizers {

bool CharacterSet::Node::has(char32_t code) const noexcept {
  const auto in_part = [code](const Node& part) { return part.has(code); };
  const auto character = unicode::class_of(code);
  bool found = everything || (categories >> static_cast<unsigned>(character.category()) & 1U) != 0 ||
               (space && character.space()) || (word && character.word()) ||
               std::any_of(ranges.begin(), ranges.end(),
                           [code](const auto& range) { return range.first <= code && code <= range.second; }) ||
               std::any_of(parts.begin(), parts.end(), in_part);
  found = found && std::all_of(and_parts.begin(), and_parts.end(), in_part);
  return found != negated;
}

CharacterSet::CharacterSet(Node node) : node_(std::move(node)), ascii_() {
  for (char32_t code = 0; code < ascii_.size(); ++code) ascii_[code] = node_.has(code);
}

/// Writes the instructions of a pattern's tree.
class Regex::Parser {
 public:
  explicit Parser(Regex& regex) : regex_(regex) {}

  void write(const RegexNode& node) {
    using Kind = RegexNode::Kind;
    if (writes_left_-- == 0) throw RegexError("a pattern as large as this");
    switch (node.kind) {
      case Kind::set:
        return write_set(node);
      case Kind::sequence:
        for (const auto& child : node.children) write(child);
        return;
      case Kind::choice:
        return write_choice(node);
      case Kind::repeat:
        return write_repeat(node);
      case Kind::assertion:
        return write_assertion(node);
      case Kind::look:
        return write_look(node);
      case Kind::atomic:
        return write_atomic(node.children.front());
    }
  }

  std::uint32_t add(Instruction instruction) {
    constexpr std::size_t kMost = 20000;
    if (regex_.code_.size() >= kMost) throw RegexError("a pattern as large as this");
    regex_.code_.push_back(instruction);
    return static_cast<std::uint32_t>(regex_.code_.size() - 1);
  }

 private:
  [[nodiscard]] std::uint32_t here() const { return static_cast<std::uint32_t>(regex_.code_.size()); }

  std::uint32_t add_set(const RegexNode& node) {
    regex_.sets_.emplace_back(node.set);
    return static_cast<std::uint32_t>(regex_.sets_.size() - 1);
  }

  void write_set(const RegexNode& node) { add({Op::set, add_set(node)}); }

  void write_choice(const RegexNode& node) {
    std::vector<std::uint32_t> jumps;
    for (std::size_t i = 0; i + 1 < node.children.size(); ++i) {
      const std::uint32_t split = add({Op::split, here() + 1});
      write(node.children[i]);
      jumps.push_back(add({Op::jump}));
      regex_.code_[split].b = here();
    }
    write(node.children.back());
    for (const std::uint32_t jump : jumps) regex_.code_[jump].a = here();
  }

  void write_repeat(const RegexNode& node) {
    using Greed = RegexNode::Greed;
    const RegexNode& body = node.children.front();
    if (body.kind == RegexNode::Kind::set) {
      const Op op = node.greed == Greed::greedy ? Op::loop
                    : node.greed == Greed::lazy ? Op::lazy_loop
                                                : Op::atomic_loop;
      add({op, add_set(body), node.least, node.most});
      return;
    }
    if (node.greed == Greed::possessive) {
      RegexNode inner = node;
      inner.greed = Greed::greedy;
      return write_atomic(inner);
    }
    if (node.most == RegexNode::kNoLimit && may_be_empty(body)) throw RegexError("a repetition of what may be empty");
    for (std::uint32_t i = 0; i < node.least; ++i) write(body);
    if (node.most == RegexNode::kNoLimit) return write_star(body, node.greed == Greed::lazy);
    std::vector<std::uint32_t> splits;
    for (std::uint32_t i = node.least; i < node.most; ++i) {
      splits.push_back(add({Op::split, here() + 1}));
      write(body);
    }
    for (const std::uint32_t split : splits) leave(split, node.greed == Greed::lazy);
  }

  void write_star(const RegexNode& body, bool lazy) {
    const std::uint32_t split = add({Op::split, here() + 1});
    write(body);
    add({Op::jump, split});
    leave(split, lazy);
  }

  // The other way of a split leads here; first, where that is preferred.
  void leave(std::uint32_t split, bool first) {
    auto& instruction = regex_.code_[split];
    instruction.b = here();
    if (first) std::swap(instruction.a, instruction.b);
  }

  void write_assertion(const RegexNode& node) {
    using Assertion = RegexNode::Assertion;
    switch (node.assertion) {
      case Assertion::line_begin:
        add({Op::line_begin});
        return;
      case Assertion::line_end:
        add({Op::line_end});
        return;
      case Assertion::text_begin:
        add({Op::text_begin});
        return;
      case Assertion::text_end:
        add({Op::text_end});
        return;
      case Assertion::text_end_or_newline:
        add({Op::text_end_or_newline});
        return;
      case Assertion::boundary:
        add({Op::boundary, 0});
        return;
      case Assertion::no_boundary:
        add({Op::boundary, 1});
        return;
    }
  }

  void write_look(const RegexNode& node) {
    const RegexNode& body = node.children.front();
    Instruction look{node.behind ? Op::look_behind : Op::look_ahead, 0, node.negative ? 1U : 0U, 0};
    if (node.behind) look.c = fixed_length(body);
    const std::uint32_t at = add(look);
    write(body);
    add({Op::match});
    regex_.code_[at].a = here();
  }

  void write_atomic(const RegexNode& body) {
    const std::uint32_t at = add({Op::atomic});
    write(body);
    add({Op::match});
    regex_.code_[at].a = here();
  }

  static bool may_be_empty(const RegexNode& node) {
    using Kind = RegexNode::Kind;
    const auto child = [](const RegexNode& one) { return may_be_empty(one); };
    switch (node.kind) {
      case Kind::set:
        return false;
      case Kind::choice:
        return std::any_of(node.children.begin(), node.children.end(), child);
      case Kind::repeat:
        return node.least == 0 || may_be_empty(node.children.front());
      case Kind::assertion:
      case Kind::look:
        return true;
      default:
        return std::all_of(node.children.begin(), node.children.end(), child);
    }
  }

  static std::uint32_t fixed_length(const RegexNode& node) {
    using Kind = RegexNode::Kind;
    std::uint32_t length = 0;
    switch (node.kind) {
      case Kind::set:
        return 1;
      case Kind::assertion:
      case Kind::look:
        return 0;
      case Kind::choice:
        length = fixed_length(node.children.front());
        for (std::size_t i = 1; i < node.children.size(); ++i)
          if (fixed_length(node.children[i]) != length) refuse_length();
        return length;
      case Kind::repeat:
        if (node.least != node.most) refuse_length();
        return node.least * fixed_length(node.children.front());
      default:
        for (const auto& child : node.children) length += fixed_length(child);
        return length;
    }
  }
  [[noreturn]] static void refuse_length() { throw RegexError("a look behind of several lengths"); }

  Regex& regex_;
  std::uint32_t writes_left_ = 100'000;
};

/// Backtracks through a text, with its own stack.
class Regex::Matcher {
 public:
  Matcher(const Regex& regex, std::string_view text) : regex_(regex), text_(text) {
    constexpr std::uint64_t kLeast = 10'000'000;
    steps_left_ = kLeast + 1000 * static_cast<std::uint64_t>(text.size());
  }

  /// Where the match that begins at `begin` ends, by the code from `start` to its `match`.
  std::optional<std::size_t> run(std::uint32_t start, std::size_t begin) {
    const std::size_t floor = stack_.size();
    std::uint32_t pc = start;
    std::size_t at = begin;
    for (;;) {
      if (--steps_left_ == 0) give_up();
      const Instruction& instruction = regex_.code_[pc];
      if (instruction.op == Op::match) {
        stack_.resize(floor);
        return at;
      }
      if (step(instruction, pc, at)) continue;
      if (!back(floor, pc, at)) return std::nullopt;
    }
  }

 private:
  /// Another way: the code at `pc` from `at` on; or, of a loop, any place between `least` and `at`.
  struct Alternative {
    std::uint32_t pc;
    bool forward;  // a lazy loop takes more instead of giving back
    std::size_t at;
    std::size_t limit;
  };

  bool step(const Instruction& instruction, std::uint32_t& pc, std::size_t& at) {
    const std::uint32_t here = pc++;
    switch (instruction.op) {
      case Op::set:
        return one(regex_.sets_[instruction.a], at);
      case Op::loop:
      case Op::atomic_loop:
        return loop(instruction, pc, at);
      case Op::lazy_loop:
        return lazy_loop(instruction, here, at);
      case Op::split:
        stack_.push_back({instruction.b, false, at, at});
        pc = instruction.a;
        return true;
      case Op::jump:
        pc = instruction.a;
        return true;
      case Op::line_begin:
        return at == 0 || (at < text_.size() && text_[at - 1] == '\n');
      case Op::line_end:
        return at == text_.size() || text_[at] == '\n';
      case Op::text_begin:
        return at == 0;
      case Op::text_end:
        return at == text_.size();
      case Op::text_end_or_newline:
        return at == text_.size() || (at + 1 == text_.size() && text_[at] == '\n');
      case Op::boundary:
        return (word_before(at) != word_after(at)) == (instruction.a == 0);
      case Op::look_ahead:
        pc = instruction.a;
        return run(here + 1, at).has_value() == (instruction.b == 0);
      case Op::look_behind:
        pc = instruction.a;
        return look_behind(instruction, here, at) == (instruction.b == 0);
      case Op::atomic: {
        pc = instruction.a;
        const auto end = run(here + 1, at);
        at = end.value_or(at);
        return end.has_value();
      }
      case Op::match:
        break;
    }
    return true;
  }

  bool back(std::size_t floor, std::uint32_t& pc, std::size_t& at) {
    while (stack_.size() > floor) {
      Alternative& top = stack_.back();
      pc = top.pc;
      at = top.at;
      if (top.forward) {
        if (more(top, pc, at)) return true;
        stack_.pop_back();
        continue;
      }
      if (top.at <= top.limit)
        stack_.pop_back();
      else
        (void)utf8::previous(text_, top.at);
      return true;
    }
    return false;
  }

  bool one(const CharacterSet& set, std::size_t& at) const {
    if (at >= text_.size()) return false;
    return set.has(utf8::next(text_, at));
  }

  bool loop(const Instruction& instruction, std::uint32_t pc, std::size_t& at) {
    const CharacterSet& set = regex_.sets_[instruction.a];
    std::size_t least = at;
    std::uint32_t count = 0;
    for (std::size_t end = at; count < instruction.c && one(set, end); at = end) {
      if (++count == instruction.b) least = end;
    }
    steps_left_ -= std::min<std::uint64_t>(steps_left_ - 1, count / 8);
    if (count < instruction.b) return false;
    if (instruction.op == Op::loop && at > least) {
      std::size_t before = at;
      (void)utf8::previous(text_, before);
      stack_.push_back({pc, false, before, least});
    }
    return true;
  }

  bool lazy_loop(const Instruction& instruction, std::uint32_t here, std::size_t& at) {
    const CharacterSet& set = regex_.sets_[instruction.a];
    for (std::uint32_t count = 0; count < instruction.b; ++count)
      if (!one(set, at)) return false;
    const std::uint32_t left = instruction.c == RegexNode::kNoLimit ? instruction.c : instruction.c - instruction.b;
    if (left > 0) stack_.push_back({here, true, at, left});
    return true;
  }

  // One more for a lazy loop; `limit` counts how many it may still take.
  bool more(Alternative& top, std::uint32_t& pc, std::size_t& at) const {
    if (top.limit == 0 || !one(regex_.sets_[regex_.code_[top.pc].a], at)) return false;
    top.at = at;
    --top.limit;
    pc = top.pc + 1;
    return true;
  }

  bool look_behind(const Instruction& instruction, std::uint32_t here, std::size_t at) {
    std::size_t begin = at;
    for (std::uint32_t i = 0; i < instruction.c; ++i) {
      if (begin == 0) return false;
      (void)utf8::previous(text_, begin);
    }
    return run(here + 1, begin).has_value();
  }

  [[nodiscard]] bool word_before(std::size_t at) const {
    return at > 0 && unicode::class_of(utf8::previous(text_, at)).word();
  }
  [[nodiscard]] bool word_after(std::size_t at) const {
    return at < text_.size() && unicode::class_of(utf8::next(text_, at)).word();
  }

  [[noreturn]] static void give_up() {
    throw InvalidInput("the tokenizer's regular expression takes too long on this text; split the text");
  }

  const Regex& regex_;
  std::string_view text_;
  std::vector<Alternative> stack_;
  std::uint64_t steps_left_ = 0;
};

Regex::Regex(std::string_view pattern) {
  Parser parser(*this);
  parser.write(parse_regex(pattern));
  parser.add({Op::match});
  find_first_bytes();
}

// Follows all ways to the first code point. Assertions are taken for fulfilled: it is enough to rule bytes out.
void Regex::find_first_bytes() {
  std::vector<std::uint32_t> open{0};
  std::vector<bool> seen(code_.size());
  const auto add_set = [&](std::uint32_t set) {
    for (std::size_t byte = 0; byte < first_bytes_.size(); ++byte)
      if (byte >= 0x80 || sets_[set].has(static_cast<char32_t>(byte))) first_bytes_[byte] = true;
  };
  while (!open.empty()) {
    const std::uint32_t at = open.back();
    open.pop_back();
    if (seen[at]) continue;
    seen[at] = true;
    const Instruction& instruction = code_[at];
    switch (instruction.op) {
      case Op::set:
        add_set(instruction.a);
        break;
      case Op::loop:
      case Op::lazy_loop:
      case Op::atomic_loop:
        if (instruction.c > 0) add_set(instruction.a);
        if (instruction.b == 0) open.push_back(at + 1);
        break;
      case Op::split:
        open.insert(open.end(), {instruction.a, instruction.b});
        break;
      case Op::jump:
      case Op::look_ahead:
      case Op::look_behind:
        open.push_back(instruction.a);
        break;
      case Op::match:
        may_be_empty_ = true;
        break;
      case Op::atomic:
        may_be_empty_ = true;
        break;  // its own `match` would be taken for the pattern's
      default:
        open.push_back(at + 1);
        break;
    }
  }
}

std::vector<Range> Regex::find_all(std::string_view text) const {
  Matcher matcher(*this, text);
  std::vector<Range> matches;
  std::optional<std::size_t> last_end;
  for (std::size_t at = 0; at <= text.size();) {
    const bool possible = may_be_empty_ || (at < text.size() && first_bytes_[static_cast<unsigned char>(text[at])]);
    const auto end = possible ? matcher.run(0, at) : std::nullopt;
    const bool counts = end && (*end > at || last_end != end);  // not an empty one right behind another
    if (counts) {
      matches.push_back({static_cast<std::uint32_t>(at), static_cast<std::uint32_t>(*end)});
      last_end = end;
    }
    if (end && *end > at) {
      at = *end;
    } else if (counts) {
      continue;  // looks here again, as Oniguruma's caller does: an empty match here does not count twice
    } else {
      if (at >= text.size()) break;
      (void)utf8::next(text, at);
    }
  }
  return matches;
}

}  // namespace modelpool::tokenizers
