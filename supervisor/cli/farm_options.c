#include "cli/farm_options.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/time.h"
#include "cli/cli.h"
#include "config.h"

#include "base/banned.h"

#define FOLLOW_DEFAULT "5m"

/* What is for a farm that has an end, and for one that has none. */
static bool is_known(int c, bool has_end)
{
	return has_end ? c != 'd' && c != 'w' : c != 'f' && c != 'l';
}

static int take(int c, const char *noun, struct iw_daemon_config *config, bool *json)
{
	int64_t number;

	switch (c) {
	case 'f':
		config->fuzz_ms = iw_time_parse(optarg);
		return config->fuzz_ms > 0
			? 0
			: cli_usage(noun, "--for wants a time like 90s, 5m, 2h or 1d");
	case 'l':
		config->cover_ms = strcmp(optarg, "off") == 0 ? 0 : iw_time_parse(optarg);
		return config->cover_ms >= 0
			? 0
			: cli_usage(
				  noun, "--coverage wants a time like 90s or 5m, or off");
	case 'd':
		config->config_dir = optarg;
		return 0;
	case 'w':
		config->follow_ms = iw_config_follow(optarg ? optarg : FOLLOW_DEFAULT);
		return config->follow_ms > 0
			? 0
			: cli_usage(noun,
				  "--follow wants a time like 30s, 5m or 1h, at "
				  "least 10s, after an equals sign");
	case 'c':
		if (!cli_number(optarg, 1, 4096, &number))
			return cli_usage(noun, "--cores wants a number above 0");
		config->cores = (int)number;
		return 0;
	case 'b':
		config->disk_budget = iw_config_budget(optarg);
		return config->disk_budget
			? 0
			: cli_usage(noun,
				  "--disk-budget wants none or a size like 500M or 200G, "
				  "at least 1M");
	case 's':
		config->state_dir = optarg;
		return 0;
	case 'a':
		config->door_config.address = strcmp(optarg, "off") == 0 ? NULL : optarg;
		config->door_config.may_be_taken = false;
		return 0;
	case 'j':
		*json = true;
		return 0;
	default: /* 'n' */
		config->no_sandbox = true;
		return 0;
	}
}

int cli_farm_options(int argc, char **argv, const char *help, bool has_end,
	struct iw_daemon_config *config, bool *json)
{
	static const struct option all[] = {
		{"config", required_argument, NULL, 'd'},
		{"cores", required_argument, NULL, 'c'},
		{"disk-budget", required_argument, NULL, 'b'},
		{"state", required_argument, NULL, 's'},
		{"http", required_argument, NULL, 'a'},
		{"no-sandbox", no_argument, NULL, 'n'},
		{"json", no_argument, NULL, 'j'},
		{"help", no_argument, NULL, 'h'},
		{"for", required_argument, NULL, 'f'},
		{"coverage", required_argument, NULL, 'l'},
		{"follow", optional_argument, NULL, 'w'},
		{0},
	};
	struct option options[IW_COUNT(all)];
	size_t count = 0, i;
	int c, rc;

	for (i = 0; i < IW_COUNT(all); i++)
		if (is_known(all[i].val, has_end))
			options[count++] = all[i];
	opterr = 0;
	config->door = cli_door;
	while ((c = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		if (c == 'h') {
			fputs(help, stdout);
			return CLI_DONE;
		}
		if (c == '?')
			return cli_refuse(argv);
		rc = cli_check_value(argv, options, c == 's' ? config->state_dir : NULL);
		if (rc < 0)
			rc = take(c, argv[0], config, json);
		if (rc != 0)
			return rc;
	}
	if (optind == argc && has_end)
		return cli_usage(argv[0], "which adapter?");
	if (optind < argc && config->config_dir)
		return cli_usage(argv[0], "adapters are named here or by --config");
	if (optind < argc)
		config->adapters = (const char *const *)argv + optind;
	return -1;
}
