// SPDX-License-Identifier: Apache-2.0
#include "tokenizers/regex_parser.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

#include "base/utf8.hpp"
#include "tokenizers/unicode/classes.hpp"

namespace modelpool::tokenizers {
namespace {

using Set = CharacterSet::Node;
using Kind = RegexNode::Kind;
using unicode::Category;

constexpr std::string_view kCategoryNames[] = {"Lu", "Ll", "Lt", "Lm", "Lo", "Mn", "Mc", "Me", "Nd", "Nl",
                                               "No", "Pc", "Pd", "Ps", "Pe", "Pi", "Pf", "Po", "Sm", "Sc",
                                               "Sk", "So", "Zs", "Zl", "Zp", "Cc", "Cf", "Co", "Cn"};
static_assert(std::size(kCategoryNames) == unicode::kCategories);

constexpr unsigned kDeepest = 100;  // groups in groups
constexpr std::uint32_t kMostTimes = 1000;

// Category names of one letter stand for all that begin with it.
std::uint32_t categories_of(std::string_view name) {
  std::uint32_t bits = 0;
  for (unsigned i = 0; i < unicode::kCategories; ++i)
    if (kCategoryNames[i] == name || (name.size() == 1 && kCategoryNames[i].front() == name.front())) bits |= 1U << i;
  return bits;
}

Set set_of(char32_t code) {
  Set set;
  set.ranges.emplace_back(code, code);
  return set;
}

Set negation(Set set) {
  Set result;
  result.parts.push_back(std::move(set));
  result.negated = true;
  return result;
}

bool is_letter(char32_t code) { return (code >= 'a' && code <= 'z') || (code >= 'A' && code <= 'Z'); }

// The other forms of ASCII letters: of the other case, and the two letters beyond ASCII that are the same in lowercase.
void add_other_cases(Set& set) {
  for (char32_t lower = 'a'; lower <= 'z'; ++lower) {
    const char32_t upper = lower - 'a' + 'A';
    const auto in = [&](char32_t code) {
      return std::any_of(set.ranges.begin(), set.ranges.end(),
                         [&](const auto& range) { return range.first <= code && code <= range.second; });
    };
    if (!in(lower) && !in(upper)) continue;
    set.ranges.emplace_back(lower, lower);
    set.ranges.emplace_back(upper, upper);
    if (lower == 's') set.ranges.emplace_back(0x17F, 0x17F);
    if (lower == 'k') set.ranges.emplace_back(0x212A, 0x212A);
  }
}

class Parser {
 public:
  explicit Parser(std::string_view pattern) : pattern_(pattern) {}

  RegexNode parse() {
    RegexNode node = choice();
    if (at_ < pattern_.size()) refuse("an unmatched )");
    return node;
  }

 private:
  [[noreturn]] static void refuse(const std::string& problem) { throw RegexError(problem); }

  [[nodiscard]] bool done() const { return at_ >= pattern_.size(); }
  [[nodiscard]] bool next_is(std::string_view text) const { return pattern_.substr(at_).starts_with(text); }
  bool take(std::string_view text) {
    if (!next_is(text)) return false;
    at_ += text.size();
    return true;
  }
  char32_t code_point() {
    if (done()) refuse("an unfinished pattern");
    return utf8::next(pattern_, at_);
  }

  RegexNode choice() {
    if (++depth_ > kDeepest) refuse("groups too deep in one another");
    RegexNode node;
    node.kind = Kind::choice;
    do {
      node.children.push_back(sequence());
    } while (take("|"));
    --depth_;
    return node.children.size() == 1 ? std::move(node.children.front()) : std::move(node);
  }

  RegexNode sequence() {
    RegexNode node;
    last_letter_ = 0;
    while (!done() && !next_is("|") && !next_is(")")) node.children.push_back(repeated(atom()));
    last_letter_ = 0;
    return node;
  }

  RegexNode repeated(RegexNode body) {
    RegexNode node;
    node.kind = Kind::repeat;
    const bool counted = next_is("{");
    if (!quantifier(node)) return body;
    last_letter_ = 0;
    if (body.kind == Kind::assertion || body.kind == Kind::look) refuse("a repeated assertion");
    if (counted && (next_is("?") || next_is("+"))) refuse("? or + behind {}");
    if (take("?"))
      node.greed = RegexNode::Greed::lazy;
    else if (take("+"))
      node.greed = RegexNode::Greed::possessive;
    for (const auto* again : {"*", "+", "?", "{"})
      if (next_is(again)) refuse("a repeated repetition");
    node.children.push_back(std::move(body));
    return node;
  }

  bool quantifier(RegexNode& node) {
    if (take("*")) return times(node, 0, RegexNode::kNoLimit);
    if (take("+")) return times(node, 1, RegexNode::kNoLimit);
    if (take("?")) return times(node, 0, 1);
    if (!take("{")) return false;
    const auto least = number();
    const bool range = take(",");
    const auto most = range ? number() : least;
    if (!take("}") || (!least && !most)) refuse("a { that begins no count");
    if (most && least && *most < *least) refuse("a count that ends before it begins");
    return times(node, least.value_or(0), most.value_or(RegexNode::kNoLimit));
  }

  static bool times(RegexNode& node, std::uint32_t least, std::uint32_t most) {
    node.least = least;
    node.most = most;
    return true;
  }

  std::optional<std::uint32_t> number() {
    std::uint32_t value = 0;
    const char* first = pattern_.data() + at_;
    const auto [end, error] = std::from_chars(first, pattern_.data() + pattern_.size(), value);
    if (end == first) return std::nullopt;
    if (error != std::errc{} || value > kMostTimes) refuse("a count above 1000");
    at_ += static_cast<std::size_t>(end - first);
    return value;
  }

  RegexNode atom() {
    if (next_is("(")) return group();
    if (take("[")) return set_node(bracket_set());
    if (take("^")) return assertion(RegexNode::Assertion::line_begin);
    if (take("$")) return assertion(RegexNode::Assertion::line_end);
    if (take(".")) return set_node(negation(set_of('\n')));
    if (next_is("*") || next_is("+") || next_is("?")) refuse("a repetition of nothing");
    if (take("\\")) return escape();
    return literal(code_point());
  }

  static RegexNode set_node(Set set) {
    RegexNode node;
    node.kind = Kind::set;
    node.set = std::move(set);
    return node;
  }

  static RegexNode assertion(RegexNode::Assertion assertion) {
    RegexNode node;
    node.kind = Kind::assertion;
    node.assertion = assertion;
    return node;
  }

  RegexNode literal(char32_t code) {
    Set set = set_of(code);
    if (ignore_case_) {
      if (code >= 0x80) refuse("a character beyond ASCII without regard to case");
      check_pair(code);
      add_other_cases(set);
    }
    return set_node(std::move(set));
  }

  // Without regard to case, ss also means the one letter U+00DF, and a few others have one as well.
  void check_pair(char32_t code) {
    const auto lower = static_cast<char>(is_letter(code) ? code | 0x20U : 0);
    constexpr std::string_view kPairs[] = {"ss", "st", "ff", "fi", "fl"};
    const char pair[] = {last_letter_, lower};
    for (const std::string_view one : kPairs)
      if (one == std::string_view(pair, 2)) refuse("\"" + std::string(one) + "\" without regard to case");
    last_letter_ = lower;
  }

  RegexNode group() {
    const bool outer_case = ignore_case_;
    RegexNode node;
    last_letter_ = 0;
    if (take("(?:")) {
    } else if (take("(?i:")) {
      ignore_case_ = true;
    } else if (take("(?=")) {
      node.kind = Kind::look;
    } else if (take("(?!")) {
      node.kind = Kind::look;
      node.negative = true;
    } else if (take("(?<=")) {
      node.kind = Kind::look;
      node.behind = true;
    } else if (take("(?<!")) {
      node.kind = Kind::look;
      node.behind = node.negative = true;
    } else if (take("(?>")) {
      node.kind = Kind::atomic;
    } else if (next_is("(?")) {
      refuse("a group that begins with " + std::string(pattern_.substr(at_, 3)));
    } else {
      (void)take("(");
    }
    node.children.push_back(choice());
    if (!take(")")) refuse("a group without its end");
    ignore_case_ = outer_case;
    return node;
  }

  RegexNode escape() {
    using enum RegexNode::Assertion;
    if (take("A")) return assertion(text_begin);
    if (take("z")) return assertion(text_end);
    if (take("Z")) return assertion(text_end_or_newline);
    if (take("b")) return assertion(boundary);
    if (take("B")) return assertion(no_boundary);
    if (auto set = escaped_class()) return set_node(std::move(*set));
    return literal(escaped_character());
  }

  std::optional<Set> escaped_class() {
    Set set;
    if (take("s") || take("S")) {
      set.space = true;
    } else if (take("w") || take("W")) {
      set.word = true;
    } else if (take("d") || take("D")) {
      set.categories = categories_of("Nd");
    } else if (take("h") || take("H")) {
      set.ranges = {{'0', '9'}, {'a', 'f'}, {'A', 'F'}};
    } else if (next_is("p{") || next_is("P{")) {
      return property();
    } else {
      return std::nullopt;
    }
    const char name = pattern_[at_ - 1];
    return name >= 'A' && name <= 'Z' ? negation(std::move(set)) : std::move(set);
  }

  Set property() {
    bool negated = pattern_[at_] == 'P';
    at_ += 2;
    if (take("^")) negated = !negated;
    const std::size_t end = pattern_.find('}', at_);
    if (end == std::string_view::npos) refuse("a property without its }");
    const std::string_view name = pattern_.substr(at_, end - at_);
    at_ = end + 1;
    Set set;
    set.categories = categories_of(name);
    if (set.categories == 0) refuse("the property \\p{" + std::string(name) + "}");
    return negated ? negation(std::move(set)) : set;
  }

  char32_t escaped_character() {
    const char32_t code = code_point();
    switch (code) {
      case 'n':
        return '\n';
      case 'r':
        return '\r';
      case 't':
        return '\t';
      case 'f':
        return '\f';
      case 'v':
        return '\v';
      case 'a':
        return '\a';
      case 'e':
        return 0x1B;
      case 'u':
        return hexadecimal(4, 4);
      case 'x':
        return take("{") ? braced_hexadecimal() : hexadecimal(1, 2);
      default:
        break;
    }
    if (is_letter(code) || (code >= '0' && code <= '9')) {
      std::string name = "\\";
      utf8::append(name, code);
      refuse(name);
    }
    return code;
  }

  char32_t braced_hexadecimal() {
    const char32_t code = hexadecimal(1, 6);
    if (!take("}")) refuse("a character's number without its }");
    return code;
  }

  char32_t hexadecimal(std::size_t least, std::size_t most) {
    std::uint32_t code = 0;
    const std::string_view digits = pattern_.substr(at_, most);
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), code, 16);
    const auto length = static_cast<std::size_t>(end - digits.data());
    if (error != std::errc{} || length < least || code > 0x10FFFF || (code >= 0xD800 && code < 0xE000))
      refuse("a character's number that is none");
    at_ += length;
    return code;
  }

  // Behind the [.
  Set bracket_set() {
    if (++depth_ > kDeepest) refuse("sets too deep in one another");
    const bool negated = take("^");
    if (next_is("]")) refuse("a set that is empty or begins with ]");
    Set result = union_set();
    if (next_is("&&")) {
      Set both;  // everything that is in each of them
      both.everything = true;
      both.and_parts.push_back(std::move(result));
      while (take("&&")) both.and_parts.push_back(union_set());
      result = std::move(both);
    }
    if (!take("]")) refuse("a set without its ]");
    --depth_;
    return negated ? negation(std::move(result)) : result;
  }

  Set union_set() {
    Set set;
    while (!next_is("]") && !next_is("&&")) {
      if (done()) refuse("a set without its ]");
      if (next_is("[:")) refuse("a POSIX class");
      if (take("[")) {
        set.parts.push_back(bracket_set());
        continue;
      }
      if (take("\\")) {
        if (auto escaped = escaped_class()) {
          set.parts.push_back(std::move(*escaped));
          continue;
        }
        if (next_is("b")) refuse("\\b in a set");
        range(set, escaped_character());
        continue;
      }
      range(set, code_point());
    }
    if (ignore_case_) check_case(set);
    return set;
  }

  // A character, or a range that begins with it. A minus before the end of the set stands for itself.
  void range(Set& set, char32_t first) {
    if (first == '-' && next_is("-")) refuse("two minus signs in a set");
    const bool is_range = next_is("-") && !next_is("-]") && first != '-';
    if (!is_range) {
      set.ranges.emplace_back(first, first);
      return;
    }
    (void)take("-");
    if (next_is("[") || next_is("&&")) refuse("a range without its end");
    char32_t last = 0;
    if (take("\\")) {
      if (escaped_class()) refuse("a range that ends with a class");
      last = escaped_character();
    } else {
      last = code_point();
    }
    if (last < first) refuse("a range that ends before it begins");
    set.ranges.emplace_back(first, last);
  }

  static void check_case(Set& set) {
    const auto beyond = [](const auto& range) { return range.second >= 0x80; };
    if (!set.parts.empty() || std::any_of(set.ranges.begin(), set.ranges.end(), beyond))
      refuse("a set beyond ASCII without regard to case");
    add_other_cases(set);
  }

  std::string_view pattern_;
  std::size_t at_ = 0;
  unsigned depth_ = 0;
  bool ignore_case_ = false;
  char last_letter_ = 0;  // a literal just before, in lowercase
};

}  // namespace

RegexNode parse_regex(std::string_view pattern) { return Parser(pattern).parse(); }

}  // namespace modelpool::tokenizers
