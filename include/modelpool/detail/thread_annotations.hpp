// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Names for clang's thread safety analysis (-Wthread-safety); other compilers see nothing.
#if defined(__clang__)
#define MODELPOOL_THREAD_ANNOTATION(x) __attribute__((x))
#else
#define MODELPOOL_THREAD_ANNOTATION(x)
#endif

#define MODELPOOL_CAPABILITY(name) MODELPOOL_THREAD_ANNOTATION(capability(name))
#define MODELPOOL_SCOPED_CAPABILITY MODELPOOL_THREAD_ANNOTATION(scoped_lockable)
#define MODELPOOL_GUARDED_BY(mutex) MODELPOOL_THREAD_ANNOTATION(guarded_by(mutex))
#define MODELPOOL_REQUIRES(...) MODELPOOL_THREAD_ANNOTATION(requires_capability(__VA_ARGS__))
#define MODELPOOL_EXCLUDES(...) MODELPOOL_THREAD_ANNOTATION(locks_excluded(__VA_ARGS__))
#define MODELPOOL_ACQUIRE(...) MODELPOOL_THREAD_ANNOTATION(acquire_capability(__VA_ARGS__))
#define MODELPOOL_RELEASE(...) MODELPOOL_THREAD_ANNOTATION(release_capability(__VA_ARGS__))
