// SPDX-License-Identifier: Apache-2.0
// Empty: a header is compiled ahead for a target that has a source with it, and main.cpp must go without.
