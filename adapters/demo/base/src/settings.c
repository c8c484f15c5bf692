#include "settings.h"

#include <string.h>

struct conf_line {
	const char *pos;
	const char *end;
};

static bool conf_skip(struct conf_line *line, const char *word)
{
	size_t len = strlen(word);

	if ((size_t)(line->end - line->pos) < len || memcmp(line->pos, word, len) != 0)
		return false;
	line->pos += len;
	return true;
}

/* Copies up to the mark into room bytes; a longer word is cut. */
static size_t conf_take_word(struct conf_line *line, char mark, char *word, size_t room)
{
	size_t len = 0;

	while (line->pos < line->end && *line->pos != mark && len <= room)
		word[len++] = *line->pos++;
	return len;
}

static bool conf_read_number(struct conf_line *line, unsigned int *number)
{
	*number = 0;
	if (line->pos == line->end)
		return false;
	for (; line->pos < line->end; line->pos++) {
		if (*line->pos < '0' || *line->pos > '9' || *number > 6553)
			return false;
		*number = *number * 10 + (unsigned int)(*line->pos - '0');
	}
	return true;
}

static bool conf_read_name(struct conf_state *conf, struct conf_line *line)
{
	size_t len = (size_t)(line->end - line->pos);

	if (len == 0 || len >= sizeof(conf->name))
		return false;
	memcpy(conf->name, line->pos, len);
	conf->name[len] = '\0';
	return true;
}

static bool conf_read_peer(struct conf_state *conf, struct conf_line *line)
{
	char name[CONF_WORD_MAX];
	unsigned int port;

	if (conf_take_word(line, '=', name, sizeof(name)) == 0)
		return false;
	if (!conf_skip(line, "=") || !conf_read_number(line, &port))
		return false;
	conf->fixed_peers += name[0] != '-';
	conf->fixed_ports += port;
	return true;
}

static bool conf_read_line(struct conf_state *conf, struct conf_line *line)
{
	if (line->pos == line->end || *line->pos == '#')
		return true;
	if (conf_skip(line, "port="))
		return conf_read_number(line, &conf->port);
	if (conf_skip(line, "maxpeers="))
		return conf_read_number(line, &conf->peers_max);
	if (conf_skip(line, "name="))
		return conf_read_name(conf, line);
	if (conf_skip(line, "peer."))
		return conf_read_peer(conf, line);
	return false;
}

bool conf_read(struct conf_state *conf, const char *text, size_t len)
{
	const char *end = text + len;

	memset(conf, 0, sizeof(*conf));
	while (text < end) {
		const char *stop = memchr(text, '\n', (size_t)(end - text));
		struct conf_line line = { text, stop ? stop : end };

		if (!conf_read_line(conf, &line))
			return false;
		text = stop ? stop + 1 : end;
	}
	return true;
}
