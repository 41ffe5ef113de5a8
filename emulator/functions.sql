-- Functions of e6data that DuckDB lacks, or has with other arguments. A session's search
-- path ends with this schema, in front of DuckDB's own functions.
CREATE SCHEMA memory.e6data;

-- timestamp_add('year', 2, current_date())
CREATE MACRO memory.e6data.timestamp_add(unit, n, value) AS value + CAST(n || ' ' || unit AS INTERVAL);

CREATE MACRO memory.e6data.date_add
	(value, span) AS value + span,
	(unit, n, value) AS value + CAST(n || ' ' || unit AS INTERVAL);

-- trunc(ordered_at, 'MM'): the units have Oracle's names, or those of date_trunc.
CREATE MACRO memory.e6data.trunc
	(number) AS system.main.trunc(number),
	(value, unit) AS date_trunc(CASE upper(unit)
		WHEN 'YYYY' THEN 'year' WHEN 'Q' THEN 'quarter' WHEN 'MM' THEN 'month' WHEN 'IW' THEN 'week'
		WHEN 'DD' THEN 'day' WHEN 'HH24' THEN 'hour' WHEN 'MI' THEN 'minute' ELSE lower(unit) END, value);

-- date_format(ordered_at, '%Y-%m-%d %H:%i:%s'): the elements have MySQL's names. The order
-- of the replacements matters: %M becomes %B before %i becomes %M.
CREATE MACRO memory.e6data.date_format(value, format) AS strftime(value,
	replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(format,
		'%T', '%H:%i:%s'), '%M', '%B'), '%i', '%M'), '%s', '%S'), '%h', '%I'), '%W', '%A'), '%c', '%-m'), '%e', '%-d'), '%k', '%-H'), '%l', '%-I'));

CREATE MACRO memory.e6data.from_unixtime(seconds) AS make_timestamp(CAST(CAST(seconds AS DECIMAL(28, 6)) * 1000000 AS BIGINT));

-- The number behind an element of a format, whose digits are at the place of the element.
CREATE MACRO memory.e6data.element(value, format, name, missing) AS
	CASE WHEN instr(format, name) = 0 THEN missing ELSE CAST(substr(value, instr(format, name), length(name)) AS BIGINT) END;

CREATE MACRO memory.e6data.elements(value, format) AS CASE
	WHEN regexp_matches(regexp_replace(format, 'YYYY|MM|DD|HH|MI|SS', '', 'g'), '[A-Z]') OR length(value) <> length(format)
		THEN error('to_timestamp: "' || value || '" is not of the form "' || format || '", or the emulator does not read it: it reads YYYY, MM, DD, HH24, MI and SS, each once')
	ELSE make_timestamp(element(value, format, 'YYYY', 1970), element(value, format, 'MM', 1), element(value, format, 'DD', 1),
		element(value, format, 'HH', 0), element(value, format, 'MI', 0), CAST(element(value, format, 'SS', 0) AS DOUBLE)) END;

-- to_timestamp('2023-01-01 12:00:00', 'YYYY-MM-DD HH24:MI:SS')
CREATE MACRO memory.e6data.to_timestamp
	(seconds) AS system.main.to_timestamp(seconds),
	(value, format) AS memory.e6data.elements(value, replace(upper(format), 'HH24', 'HH'));
