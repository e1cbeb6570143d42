// SPDX-License-Identifier: Apache-2.0
#pragma once

/// For the few functions that every lease goes through, small where nobody waits: as calls they would cost more than what
/// they do, because each atomic operation waits for the stores before it, saved registers among them.
#if defined(__GNUC__)
#define MODELPOOL_ALWAYS_INLINE [[gnu::always_inline]] inline
#define MODELPOOL_NEVER_INLINE [[gnu::noinline]]
#else
#define MODELPOOL_ALWAYS_INLINE inline
#define MODELPOOL_NEVER_INLINE
#endif
