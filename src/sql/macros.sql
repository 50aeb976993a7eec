-- Table macros for DuckDB over phlox blocks. Load once with `.read macros.sql`.
--
-- `blocks` is a path or glob that names block folders, one of them or thousands, for example
-- 'data/tenants/acme/local/*' or 's3://bucket/acme/phlaredb/*'. Ids count per block: whoever joins
-- tables joins by (block, id), where `block` is the folder a row came from.
-- Sums are HUGEINT: one value is at most 2^63 - 1, a sum over blocks may be more.

CREATE OR REPLACE MACRO block_of(path) AS
  regexp_replace(path, '[/\\][^/\\]*$', '');

CREATE OR REPLACE MACRO block_files(blocks, name) AS
  rtrim(blocks, '/') || '/' || name || '.parquet';

CREATE OR REPLACE MACRO block_table(blocks, name) AS TABLE
  SELECT block_of(block_path) AS block, * EXCLUDE (block_path)
  FROM read_parquet(block_files(blocks, name), filename = 'block_path');

-- Profiles and their sums by profile type and service, with the first and the last time.
CREATE OR REPLACE MACRO profile_totals(blocks) AS TABLE
  SELECT
    s.profile_type, s.service_name,
    count(*) AS profiles, sum(p.total) AS total,
    min(p.time_ns) AS first_time_ns, max(p.time_ns) AS last_time_ns
  FROM block_table(blocks, 'profiles') p
  JOIN block_table(blocks, 'series') s USING (block, series_id)
  GROUP BY ALL
  ORDER BY ALL;

-- Values by stack: function names root to leaf, inlined calls as frames of their own, one frame
-- with the empty name for a location without lines. `of_type` NULL means every profile type.
--
-- Paths are built root to leaf as lists of small integers, and get their words when equal stacks
-- of all blocks are summed: lists of strings, or a walk from each leaf, are several times slower.
CREATE OR REPLACE MACRO stack_totals(blocks, of_type) AS TABLE
  WITH RECURSIVE
  block_numbers AS MATERIALIZED (
    SELECT block, row_number() OVER () AS number
    FROM (SELECT DISTINCT block FROM block_table(blocks, 'series'))
  ),
  leaves AS (
    SELECT
      s.profile_type, s.service_name,
      (b.number << 32) | t.stacktrace_id AS node, sum(t.value) AS value
    FROM block_table(blocks, 'totals') t
    JOIN block_table(blocks, 'series') s USING (block, series_id)
    JOIN block_numbers b USING (block)
    WHERE of_type IS NULL OR s.profile_type = of_type
    GROUP BY ALL
  ),
  names AS MATERIALIZED (
    SELECT name, row_number() OVER (ORDER BY name) AS name_id
    FROM (SELECT name FROM block_table(blocks, 'functions') UNION SELECT '')
  ),
  lines AS (
    SELECT
      block, location_id,
      unnest(lines).function_id AS function_id, generate_subscripts(lines, 1) AS position
    FROM block_table(blocks, 'locations')
  ),
  -- pprof lists the innermost inlined call first; a stack is read from the outermost.
  frames AS (
    SELECT l.block, l.location_id, list(n.name_id ORDER BY l.position DESC) AS name_ids
    FROM lines l
    JOIN block_table(blocks, 'functions') f USING (block, function_id)
    JOIN names n USING (name)
    GROUP BY ALL
    UNION ALL
    SELECT block, location_id, (SELECT [name_id] FROM names WHERE name = '')
    FROM block_table(blocks, 'locations') WHERE len(lines) = 0
  ),
  nodes AS MATERIALIZED (
    SELECT
      (b.number << 32) | n.stacktrace_id AS node, (b.number << 32) | n.parent_id AS parent,
      coalesce(f.name_ids, []) AS name_ids
    FROM block_table(blocks, 'stacktraces') n
    JOIN block_numbers b USING (block)
    LEFT JOIN frames f USING (block, location_id)
  ),
  paths(node, path) AS (
    SELECT node, name_ids FROM nodes WHERE parent IS NULL
    UNION ALL
    SELECT n.node, p.path || n.name_ids FROM paths p JOIN nodes n ON n.parent = p.node
  ),
  sums AS (
    SELECT l.profile_type, l.service_name, p.path, sum(l.value) AS value
    FROM leaves l JOIN paths p USING (node)
    GROUP BY ALL
  ),
  dictionary AS (SELECT list(name ORDER BY name_id) AS words FROM names)
  SELECT
    s.profile_type, s.service_name,
    list_transform(s.path, lambda name_id: d.words[name_id]) AS stack, s.value
  FROM sums s, dictionary d;

-- Functions by value: `self` where they are the leaf, `total` where they are anywhere on the stack.
CREATE OR REPLACE MACRO top_functions(blocks, of_type) AS TABLE
  WITH stacks AS MATERIALIZED (SELECT stack, value FROM stack_totals(blocks, of_type)),
  named AS (
    -- A recursive function counts once a stack.
    SELECT unnest(list_distinct(stack)) AS function_name, value, stack[-1] AS leaf FROM stacks
  )
  SELECT
    function_name,
    sum(CASE WHEN leaf = function_name THEN value ELSE 0 END) AS self, sum(value) AS total
  FROM named
  GROUP BY function_name
  ORDER BY self DESC, total DESC, function_name;
