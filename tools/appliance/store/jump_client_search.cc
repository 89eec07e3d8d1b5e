// The list of assets: filters, words, visibility, paging. Which index leads:
//   - words of three characters and more: the trigram index; its rows come in the order of ids, so it stops
//   at kSearchMost
//   - shorter words beside a longer one: checked on what that found
//   - shorter words alone: the beginnings of name, host name, tag, console user and addresses, each by its
//   index
//   - a filter: its index, which holds the ids in order
#include "tools/appliance/store/jump_clients.h"
#include "tools/appliance/store/where.h"

namespace jump::store {
namespace {

constexpr std::size_t kWords = 8;
constexpr std::size_t kTrigram = 3;
// Sorts behind everything that begins with the same text: the last code point.
constexpr std::string_view kLast = "\xf4\x8f\xbf\xbf";

constexpr std::string_view kVisible =
    "((c.jump_group_type = 'shared' AND c.jump_group_id IN (SELECT jump_group_id FROM jump_group_users WHERE "
    "user_id = ? "
    "AND jump_item_role_id <> 1)) OR (c.jump_group_type = 'personal' AND c.jump_group_id = ?))";

std::vector<std::string> words_of(std::string_view search) {
  std::vector<std::string> words;
  std::string word;
  for (const char c : search) {
    if (c != ' ' && c != '\t' && c != '\n' && c != '\r') {
      word += c;
    } else if (!word.empty()) {
      words.push_back(std::move(word));
      word.clear();
    }
  }
  if (!word.empty()) words.push_back(std::move(word));
  if (words.size() > kWords) words.resize(kWords);
  return words;
}

std::size_t characters(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(
      text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

// A string in the language of FTS5: only the quote is special in it.
std::string phrase(std::string_view word) {
  std::string text = "\"";
  for (const char c : word) {
    if (c == '"') text += '"';
    text += c;
  }
  return text + "\"";
}

std::string part_pattern(std::string_view word) {
  std::string text = "%";
  for (const char c : word) {
    if (c == '%' || c == '_' || c == '\\') text += '\\';
    text += c;
  }
  return text + "%";
}

struct Search {
  std::string match;  // for the trigram index; empty: it does not lead
  Where where;
};

void also_part(Where& where, const std::string& pattern) {
  where.also(
      "f.name || char(10) || f.hostname || char(10) || f.fqdn || char(10) || f.comments || char(10) || f.tag "
      "|| char(10) || "
      "f.private_ip || char(10) || f.public_ip || char(10) || f.console_user || char(10) || f.group_name "
      "LIKE ? ESCAPE '\\'",
      pattern);
}

void also_beginning(Where& where, const std::string& word) {
  static const std::string piece = [] {
    std::string text = "c.id IN (";
    for (const char* column : {"name", "hostname", "tag", "console_user", "private_ip", "public_ip"}) {
      if (text.back() != '(') text += " UNION ";
      text += "SELECT id FROM (SELECT id FROM jump_clients WHERE " + std::string(column) +
              " BETWEEN ? AND ? LIMIT " + std::to_string(kSearchMost) + ")";
    }
    return text + ")";
  }();
  const std::string last = word + std::string(kLast);
  where.also(piece, word, last, word, last, word, last, word, last, word, last, word, last);
}

Search search_for(std::string_view text) {
  Search search;
  const std::vector<std::string> words = words_of(text);
  const bool any_long = std::any_of(words.begin(), words.end(),
                                    [](const std::string& word) { return characters(word) >= kTrigram; });
  for (const std::string& word : words) {
    if (characters(word) >= kTrigram) {
      search.match += (search.match.empty() ? "" : " AND ") + phrase(word);
    } else if (any_long) {
      also_part(search.where, part_pattern(word));
    } else {
      also_beginning(search.where, word);
    }
  }
  return search;
}

bool wants_status(const JumpClientFilter& filter) {
  return filter.online || filter.offline_before_run || filter.not_offline_before_run;
}

void add_filters(const JumpClientFilter& filter, Where& where) {
  where.also_if("c.name = ?", filter.name);
  where.also_if("c.hostname = ?", filter.hostname);
  where.also_if("c.fqdn = ?", filter.fqdn);
  where.also_if("c.tag = ?", filter.tag);
  where.also_if("c.jump_group_id = ?", filter.jump_group_id);
  where.also_if("c.jump_group_type = ?", filter.jump_group_type);
  where.also_if("c.console_user = ?", filter.console_user);
  where.also_if("c.public_ip = ?", filter.public_ip);
  where.also_if("c.private_ip = ?", filter.private_ip);
  if (filter.connection_type) {
    // Spelled out, so that the partial index is seen.
    switch (*filter.connection_type) {
      case ConnectionType::active:
        where.also("c.connection_type = 'active'");
        break;
      case ConnectionType::passive:
        where.also("c.connection_type = 'passive'");
        break;
      case ConnectionType::uninstalled:
        where.also("c.connection_type = 'uninstalled'");
        break;
    }
  }
  if (filter.online) where.also(*filter.online ? "s.online" : "NOT s.online");
  where.also_if("s.offline_run <= ?", filter.offline_before_run);
  where.also_if("(s.offline_run IS NULL OR s.offline_run > ?)", filter.not_offline_before_run);
  if (filter.visible_to) where.also(kVisible, *filter.visible_to, *filter.visible_to);
}

}  // namespace

Result<Rows<JumpClientRow>> JumpClients::list(const JumpClientFilter& filter, const Page& page) {
  const Search search = search_for(filter.search);
  Where where;
  if (!search.match.empty()) where.also("f.client_search MATCH ?", search.match);
  add_filters(filter, where);
  where.append(search.where);

  // CROSS JOIN keeps this order of the tables.
  const bool by_text = !search.match.empty();
  std::string from =
      by_text ? "client_search f CROSS JOIN jump_clients c ON c.id = f.rowid" : "jump_clients c";
  if (wants_status(filter)) from += " JOIN jump_client_status s ON s.id = c.agent";

  Rows<std::int64_t> ids;
  if (words_of(filter.search).empty()) {
    Result<Rows<std::int64_t>> listed = page_of<std::int64_t>(db_, "c.id", from, where, "c.id", page);
    if (!listed) return listed.error();
    ids = std::move(*listed);
  } else {
    Query query = db_.query("SELECT c.id FROM " + from + where.text() + " ORDER BY " +
                            (by_text ? "f.rowid" : "c.id") + " LIMIT ?");
    query.bind_integer(where.bind_to(query), kSearchMost);
    Result<std::vector<std::int64_t>> found = collect<std::int64_t>(query);
    if (!found) return found.error();
    ids.total = static_cast<std::int64_t>(found->size());
    for (std::int64_t at = page.offset; at < std::min(ids.total, page.offset + page.limit); ++at) {
      ids.items.push_back((*found)[static_cast<std::size_t>(at)]);
    }
  }
  Rows<JumpClientRow> rows;
  rows.total = ids.total;
  rows.items.reserve(ids.items.size());
  for (const std::int64_t id : ids.items) {
    Result<std::optional<JumpClientRow>> row = get(id);
    if (!row) return row.error();
    if (*row) rows.items.push_back(std::move(**row));
  }
  return rows;
}

}  // namespace jump::store
