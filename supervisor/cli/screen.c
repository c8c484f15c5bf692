#include "cli/screen.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/text.h"

#include "base/banned.h"

#define ESC "\033"
/* The second screen, no cursor, lines that are too long end at the margin. */
#define ENTER ESC "[?1049h" ESC "[?25l" ESC "[?7l"
#define LEAVE ESC "[0m" ESC "[?7h" ESC "[?25h" ESC "[?1049l"

static struct {
	bool is_open, has_color, is_armed;
	struct termios before;
	struct cli_frame shown; /* what stands there; styles are part of it */
	bool is_known;
} screen;

/* -- frames ------------------------------------------------------------------------- */

/* A bar goes to the margin. */
static void add_padding(struct iw_buf *text, size_t width)
{
	text->len = strlen(text->data);
	iw_buf_addf(text, "%*s", (int)(width - iw_text_width(text->data)), "");
}

void cli_frame_add(
	struct cli_frame *frame, enum cli_style style, int width, const char *text)
{
	struct iw_buf plain = {0};

	iw_text_plain(&plain, text);
	if (width > 0 && plain.data)
		plain.data[iw_text_fit(plain.data, (size_t)width)] = '\0';
	if (width > 0 && plain.data && style == CLI_BAR)
		add_padding(&plain, (size_t)width);
	iw_grow(frame->lines, frame->count, frame->cap);
	frame->lines[frame->count++] =
		(struct cli_line){.text = iw_buf_steal(&plain), .style = style};
}

void cli_frame_clear(struct cli_frame *frame)
{
	size_t i;

	for (i = 0; i < frame->count; i++)
		free(frame->lines[i].text);
	frame->count = 0;
}

void cli_frame_fini(struct cli_frame *frame)
{
	cli_frame_clear(frame);
	free(frame->lines);
	*frame = (struct cli_frame){0};
}

void cli_frame_print(const struct cli_frame *frame, FILE *out)
{
	size_t i;

	for (i = 0; i < frame->count; i++)
		fprintf(out, "%s\n", frame->lines[i].text);
}

/* -- the terminal ------------------------------------------------------------------- */

/* A terminal that is gone takes nothing, which its input says, too. */
static void send_text(const char *text, size_t len)
{
	size_t done = 0;

	while (done < len) {
		ssize_t n = write(STDOUT_FILENO, text + done, len - done);

		if (n < 0 && errno != EINTR)
			return;
		done += n > 0 ? (size_t)n : 0;
	}
}

/* Also called from a signal's handler: nothing here but system calls. */
static void give_back(void)
{
	send_text(LEAVE, sizeof LEAVE - 1);
	tcsetattr(STDIN_FILENO, TCSADRAIN, &screen.before);
}

void cli_screen_close(void)
{
	if (!screen.is_open)
		return;
	screen.is_open = false;
	give_back();
	cli_frame_fini(&screen.shown);
	screen.is_known = false;
}

/* Our own mistakes: the shell that comes after them has to be readable. */
static void on_fatal(int number)
{
	if (screen.is_open)
		give_back();
	raise(number);
}

static void arm(void)
{
	static const int fatal[] = {
		SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGQUIT, SIGSYS};
	struct sigaction action = {.sa_handler = on_fatal, .sa_flags = SA_RESETHAND};
	size_t i;

	if (screen.is_armed)
		return;
	screen.is_armed = true;
	for (i = 0; i < IW_COUNT(fatal); i++)
		sigaction(fatal[i], &action, NULL);
	atexit(cli_screen_close);
}

int cli_screen_open(bool has_color, struct iw_err *err)
{
	const char *kind = getenv("TERM");
	struct termios raw;

	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
		return iw_err_set(err, IW_EINVAL,
			"this is no terminal; --once prints one frame, --json one "
			"object");
	if (!kind || !*kind || strcmp(kind, "dumb") == 0)
		return iw_err_set(err, IW_EINVAL,
			"a terminal of the kind '%s' cannot be drawn on; --once prints "
			"one frame",
			kind ? kind : "");
	if (tcgetattr(STDIN_FILENO, &screen.before) < 0)
		return iw_err_errno(err, errno, "cannot ask the terminal how it is set");
	raw = screen.before;
	raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
	raw.c_cc[VMIN] = 1;
	raw.c_cc[VTIME] = 0;
	arm();
	screen.has_color = has_color;
	screen.is_open = true;
	if (tcsetattr(STDIN_FILENO, TCSADRAIN, &raw) < 0) {
		screen.is_open = false;
		return iw_err_errno(err, errno, "cannot set the terminal");
	}
	send_text(ENTER, sizeof ENTER - 1);
	cli_screen_forget();
	return 0;
}

void cli_screen_size(int *width, int *height)
{
	struct winsize size = {0};

	ioctl(STDOUT_FILENO, TIOCGWINSZ, &size);
	*width = size.ws_col ? size.ws_col : 80;
	*height = size.ws_row ? size.ws_row : 24;
}

void cli_screen_forget(void)
{
	screen.is_known = false;
}

static const char *style_begins(enum cli_style style)
{
	static const char *const plain[] = {
		[CLI_PLAIN] = "",
		[CLI_DIM] = "",
		[CLI_BOLD] = ESC "[1m",
		[CLI_BAR] = ESC "[7m",
		[CLI_BAD] = ESC "[1m",
	};
	static const char *const color[] = {
		[CLI_PLAIN] = "",
		[CLI_DIM] = ESC "[2m",
		[CLI_BOLD] = ESC "[1m",
		[CLI_BAR] = ESC "[7m",
		[CLI_BAD] = ESC "[31m",
	};

	return screen.has_color ? color[style] : plain[style];
}

static void add_line(struct iw_buf *out, size_t row, const struct cli_line *line)
{
	/* Cleared first: behind a full line the cursor stands on its last character. */
	iw_buf_addf(out, ESC "[%zu;1H" ESC "[2K%s%s" ESC "[0m", row + 1,
		style_begins(line->style), line->text);
}

static bool is_shown(size_t row, const struct cli_line *line)
{
	const struct cli_line *old = &screen.shown.lines[row];

	return screen.is_known && row < screen.shown.count && old->style == line->style &&
		strcmp(old->text, line->text) == 0;
}

void cli_screen_draw(const struct cli_frame *frame)
{
	struct iw_buf out = {0};
	size_t i;

	if (!screen.is_open)
		return;
	if (!screen.is_known)
		iw_buf_adds(&out, ESC "[0m" ESC "[2J");
	for (i = 0; i < frame->count; i++)
		if (!is_shown(i, &frame->lines[i]))
			add_line(&out, i, &frame->lines[i]);
	if (screen.is_known && frame->count < screen.shown.count)
		iw_buf_addf(&out, ESC "[%zu;1H" ESC "[0m" ESC "[J", frame->count + 1);
	send_text(out.data ? out.data : "", out.len);
	iw_buf_fini(&out);
	cli_frame_clear(&screen.shown);
	for (i = 0; i < frame->count; i++)
		cli_frame_add(
			&screen.shown, frame->lines[i].style, 0, frame->lines[i].text);
	screen.is_known = true;
}

/* -- keys --------------------------------------------------------------------------- */

static const struct {
	const char *sequence;
	int key;
} sequences[] = {
	{"[A", CLI_KEY_UP},
	{"OA", CLI_KEY_UP},
	{"[B", CLI_KEY_DOWN},
	{"OB", CLI_KEY_DOWN},
	{"[5~", CLI_KEY_PAGE_UP},
	{"[6~", CLI_KEY_PAGE_DOWN},
	{"[H", CLI_KEY_HOME},
	{"OH", CLI_KEY_HOME},
	{"[1~", CLI_KEY_HOME},
	{"[F", CLI_KEY_END},
	{"OF", CLI_KEY_END},
	{"[4~", CLI_KEY_END},
};

/* ECMA-48, 5.4: parameters and the like, then one byte from '@' to '~'. */
static size_t sequence_length(const char *text, size_t len)
{
	size_t n = 1;

	if (len < 2 || (text[0] != '[' && text[0] != 'O'))
		return 0;
	while (n < len && text[n] >= ' ' && text[n] < '@')
		n++;
	return n < len ? n + 1 : n;
}

int cli_key_next(const char *text, size_t len, size_t *at)
{
	const char *p = text + *at;
	size_t n, i;

	if (*at >= len)
		return -1;
	++*at;
	if (*p != '\033')
		return (unsigned char)*p;
	n = sequence_length(p + 1, len - *at);
	*at += n;
	for (i = 0; n > 0 && i < IW_COUNT(sequences); i++)
		if (strlen(sequences[i].sequence) == n &&
			memcmp(sequences[i].sequence, p + 1, n) == 0)
			return sequences[i].key;
	return n > 0 ? CLI_KEY_OTHER : '\033';
}
