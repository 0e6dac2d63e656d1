/* SPDX-License-Identifier: MIT
 *
 * Options and settings in the engine's terms. What is borrowed from them must
 * stay until run_config_fini().
 *
 * Thread: the starting thread alone.
 */
#ifndef SPATE_RUN_CONFIG_H
#define SPATE_RUN_CONFIG_H

#include "engine.h"
#include "hosts.h"
#include "options.h"
#include "settings.h"

struct run_config {
  struct engine_config engine;
  /* private: what engine points to */
  struct host_rule *rules;
  char *words; /* of engine.throttle_words, cut up */
};

int run_config_init(struct run_config *config, const struct options *options,
                    const struct settings *settings) MUST_CHECK;
void run_config_fini(struct run_config *config);

/* The set of --allow-protocols (protocol.h). */
unsigned run_config_protocols(const struct options *options);

#endif
