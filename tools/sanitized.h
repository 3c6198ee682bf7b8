/* SPDX-License-Identifier: Apache-2.0 */
/* Whether this is a build with the address sanitizer, which needs much memory and looks
 * into its own process. */
#ifndef TOOLS_SANITIZED_H
#define TOOLS_SANITIZED_H

#ifdef __has_feature
#define HAS_FEATURE(x) __has_feature(x)
#else
#define HAS_FEATURE(x) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || HAS_FEATURE(address_sanitizer)
#define SANITIZED 1
#else
#define SANITIZED 0
#endif

#endif
