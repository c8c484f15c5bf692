#include "cli/casrep.h"

#include <string.h>
#include <sys/utsname.h>

#include "base/mem.h"
#include "base/text.h"
#include "base/time.h"

#include "base/banned.h"

/* Arrays of lines, each of one runtime; at most one of them has any. */
static const char *const reports[] = {"AsanReport", "MsanReport", "UbsanReport",
	"GoReport", "RustReport", "PythonReport", "JavaReport", "JsReport",
	"CSharpReport", "LuaReport"};

static bool add_lines(struct iw_buf *text, const json_t *lines)
{
	size_t i;
	json_t *line;

	json_array_foreach(lines, i, line)
	{
		if (!json_is_string(line))
			continue;
		iw_buf_adds(text, json_string_value(line));
		iw_buf_adds(text, "\n");
	}
	return json_array_size(lines) > 0;
}

bool casrep_text(const json_t *casrep, struct iw_buf *text)
{
	bool is_one = json_is_object(json_object_get(casrep, "CrashSeverity")) &&
		json_is_array(json_object_get(casrep, "Stacktrace"));
	size_t i;

	for (i = 0; is_one && i < IW_COUNT(reports); i++)
		if (add_lines(text, json_object_get(casrep, reports[i])))
			return true;
	if (is_one)
		add_lines(text, json_object_get(casrep, "Stacktrace"));
	return is_one;
}

const char *casrep_words(const json_t *casrep)
{
	const json_t *severity = json_object_get(casrep, "CrashSeverity");

	return json_string_value(json_object_get(severity, "ShortDescription"));
}

/* Foreign lines as JSON strings, which hold no bytes that are no text. */
static json_t *lines_of(const char *text, size_t len)
{
	json_t *lines = json_array();
	const char *end = text + len, *eol;

	for (; text && text < end; text = eol + 1) {
		_auto_free_ char *line = NULL;
		struct iw_buf plain = {0};

		eol = memchr(text, '\n', (size_t)(end - text));
		if (!eol)
			eol = end;
		line = iw_strndup(text, (size_t)(eol - text));
		iw_text_plain(&plain, line);
		json_array_append_new(lines, json_string(plain.data ? plain.data : ""));
		iw_buf_fini(&plain);
	}
	return lines;
}

static json_t *text_of(const char *s)
{
	struct iw_buf plain = {0};
	json_t *text;

	iw_text_plain(&plain, s ? s : "");
	text = json_string(plain.data ? plain.data : "");
	iw_buf_fini(&plain);
	return text;
}

json_t *casrep_make(const struct casrep *c)
{
	static const char *const empty_texts[] = {"OS", "OSRelease", "Stdin",
		"ProcStatus", "Package", "PackageVersion", "PackageArchitecture",
		"PackageDescription"};
	static const char *const empty_lists[] = {"ProcEnviron", "ProcMaps", "ProcFiles",
		"NetworkConnections", "Disassembly", "UbsanReport", "MsanReport",
		"PythonReport", "GoReport", "JavaReport", "RustReport", "JsReport",
		"CSharpReport", "LuaReport", "Source"};
	struct utsname host = {0};
	char date[24];
	json_t *json;
	size_t i;

	uname(&host);
	iw_time_iso(iw_time_wall_ms(), date);
	json = json_pack("{ss so ss so so s{ss so so so} so so so}", "Date", date,
		"Uname", text_of(host.release), "Architecture", host.machine,
		"ExecutablePath", text_of(c->program), "ProcCmdline", text_of(c->command),
		"CrashSeverity", "Type", c->severity, "ShortDescription",
		text_of(c->description), "Description", text_of(c->description),
		"Explanation", text_of(c->why), "Stacktrace",
		lines_of(c->stack, strlen(c->stack)), "AsanReport",
		lines_of(c->report, c->report ? c->report_len : 0), "CrashLine",
		text_of(c->place));
	for (i = 0; i < IW_COUNT(empty_texts); i++)
		json_object_set_new(json, empty_texts[i], json_string(""));
	for (i = 0; i < IW_COUNT(empty_lists); i++)
		json_object_set_new(json, empty_lists[i], json_array());
	json_object_set_new(json, "Registers", json_object());
	return json;
}
