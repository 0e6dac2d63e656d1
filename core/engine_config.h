/* SPDX-License-Identifier: MIT
 *
 * The engine's own copy of what a run was started with. Thread: any.
 */
#ifndef SPATE_ENGINE_CONFIG_H
#define SPATE_ENGINE_CONFIG_H

#include "engine.h"

/* Deep copy; ERR_NOMEM leaves out empty. */
int engine_config_copy(struct engine_config *out,
                       const struct engine_config *in) MUST_CHECK;
void engine_config_fini(struct engine_config *config);

#endif
