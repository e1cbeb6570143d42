// SPDX-License-Identifier: Apache-2.0
#include "results.hpp"

namespace pool_contention {

const CellResult* Results::find(const Layout& layout, const Hold& hold, std::string_view pool) const {
  for (const CellResult& cell : cells) {
    if (name_of(cell.cell.layout) == name_of(layout) && name_of(cell.cell.hold) == name_of(hold) &&
        cell.pool->slug == pool) {
      return &cell;
    }
  }
  return nullptr;
}

const RungResult* Results::find_rung(std::string_view slug) const {
  for (const RungResult& rung : uncontended) {
    if (rung.rung.slug == slug) return &rung;
  }
  return nullptr;
}

}  // namespace pool_contention
