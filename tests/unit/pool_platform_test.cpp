// SPDX-License-Identifier: Apache-2.0
// What the pool takes from the machine, against what the standard library says.
#include <exception>
#include <stdexcept>
#include <thread>
#include <vector>

#include "modelpool/pool/detail/platform.hpp"
#include "support/catch.hpp"

using modelpool::detail::RealPlatform;

namespace {

struct Counts {
  int ours = 0;
  int standard = 0;
};

Counts count_now() { return {RealPlatform::uncaught_exceptions(), std::uncaught_exceptions()}; }

/// Notes the counts when it is destroyed, and again while a second exception unwinds inside its destructor.
struct Noting {
  explicit Noting(std::vector<Counts>& notes, bool nested = false) : notes_(notes), nested_(nested) {}
  ~Noting() {
    notes_.push_back(count_now());
    if (!nested_) return;
    try {
      const Noting inner(notes_);
      throw std::runtime_error("second");
    } catch (const std::runtime_error&) {
      notes_.push_back(count_now());
    }
  }
  std::vector<Counts>& notes_;
  bool nested_;
};

std::vector<Counts> note_while_unwinding() {
  std::vector<Counts> notes{count_now()};
  try {
    const Noting noting(notes, true);
    throw std::runtime_error("first");
  } catch (const std::runtime_error&) {
    notes.push_back(count_now());
  }
  return notes;
}

void check_counts(const std::vector<Counts>& notes) {
  const std::vector<int> expected{0, 1, 2, 1, 0};
  REQUIRE(notes.size() == expected.size());
  for (std::size_t i = 0; i < notes.size(); ++i) {
    CHECK(notes[i].ours == expected[i]);
    CHECK(notes[i].standard == expected[i]);
  }
}

}  // namespace

TEST_CASE("the exceptions in flight are counted as the standard library counts them", "[pool][platform]") {
  check_counts(note_while_unwinding());
  std::vector<Counts> of_other_thread;
  std::thread([&] { of_other_thread = note_while_unwinding(); }).join();
  check_counts(of_other_thread);
}
