#include "etcd_reply.hpp"

#include <boost/json.hpp>

#include <algorithm>
#include <charconv>

namespace vecstore::replication::net {
namespace json = boost::json;

namespace {

constexpr std::size_t depth_max = 16;
constexpr std::size_t text_shown_max = 200;
constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

error malformed(const char* what) { return {errc::corruption, std::string("etcd: ") + what}; }

const json::value* find(const json::object& in, std::string_view name) noexcept {
    return in.if_contains(json::string_view(name.data(), name.size()));
}

const json::object* object_at(const json::object& in, std::string_view name) noexcept {
    const auto* found = find(in, name);
    return found == nullptr ? nullptr : found->if_object();
}

std::string_view text_at(const json::object& in, std::string_view name) noexcept {
    const auto* found = find(in, name);
    const auto* text = found == nullptr ? nullptr : found->if_string();
    return text == nullptr ? std::string_view{} : std::string_view(text->data(), text->size());
}

/// Absent: zero. A number, or the text of one.
std::optional<std::uint64_t> number_at(const json::object& in, std::string_view name) noexcept {
    const auto* found = find(in, name);
    if (found == nullptr) return 0;
    if (const auto* number = found->if_int64())
        return *number < 0 ? std::nullopt : std::optional<std::uint64_t>(*number);
    if (const auto* number = found->if_uint64()) return *number;
    const auto* text = found->if_string();
    std::uint64_t parsed = 0;
    if (text == nullptr) return std::nullopt;
    const auto* end = text->data() + text->size();
    const auto read = std::from_chars(text->data(), end, parsed);
    return read.ec == std::errc{} && read.ptr == end && !text->empty() ? std::optional(parsed) : std::nullopt;
}

/// The object that a reply is, or what etcd has against it.
result<json::object> parse_reply(const http_reply& reply) {
    json::error_code failed;
    json::parse_options options;
    options.max_depth = depth_max;
    // A stream holds one object for each line; of these there is one.
    const auto line = std::string_view(reply.body).substr(0, reply.body.find('\n'));
    auto parsed = json::parse({line.data(), line.size()}, failed, {}, options);
    auto* object = failed ? nullptr : parsed.if_object();
    const auto refused = [](std::string_view text) {
        return error{errc::unavailable, "etcd: " + std::string(text.substr(0, text_shown_max))};
    };
    if (object != nullptr) {
        if (const auto* inner = object_at(*object, "error")) return refused(text_at(*inner, "message"));
        if (const auto text = text_at(*object, "error"); !text.empty()) return refused(text);
    }
    if (reply.status != 200) return refused("HTTP status " + std::to_string(reply.status));
    if (object == nullptr) return malformed("a reply is no JSON object");
    return std::move(*object);
}

result<void> add_values(const json::object& range, std::vector<etcd_value>& to) {
    const auto* all = find(range, "kvs");
    if (all == nullptr) return {};
    const auto* array = all->if_array();
    if (array == nullptr) return malformed("`kvs` is no array");
    for (const auto& entry : *array) {
        const auto* object = entry.if_object();
        if (object == nullptr) return malformed("an entry of `kvs` is no object");
        auto key = from_base64(text_at(*object, "key")), value = from_base64(text_at(*object, "value"));
        const auto lease = number_at(*object, "lease"), created = number_at(*object, "create_revision");
        if (!key || !value || !lease || !created) return malformed("an entry of `kvs` cannot be read");
        to.push_back({*std::move(key), *std::move(value), *lease, *created});
    }
    return {};
}

}  // namespace

const etcd_value* etcd_transaction::find(std::string_view key) const noexcept {
    const auto at = std::find_if(values.begin(), values.end(), [&](const etcd_value& v) { return v.key == key; });
    return at == values.end() ? nullptr : &*at;
}

result<etcd_lease> parse_lease(const http_reply& reply) {
    VECSTORE_TRY(const auto object, parse_reply(reply));
    const auto* inner = object_at(object, "result");  // of keepalive, which is a stream
    const auto& lease = inner == nullptr ? object : *inner;
    const auto id = number_at(lease, "ID"), ttl = number_at(lease, "TTL");
    if (!id || !ttl || *id == 0) return malformed("a lease cannot be read");
    return etcd_lease{*id, *ttl};
}

result<etcd_transaction> parse_transaction(const http_reply& reply) {
    VECSTORE_TRY(const auto object, parse_reply(reply));
    if (find(object, "header") == nullptr) return malformed("a reply to a transaction has no header");
    etcd_transaction made;
    if (const auto* found = find(object, "succeeded")) {
        const auto* flag = found->if_bool();
        if (flag == nullptr) return malformed("`succeeded` is no boolean");
        made.succeeded = *flag;
    }
    const auto* responses = find(object, "responses");
    if (responses == nullptr) return made;
    const auto* array = responses->if_array();
    if (array == nullptr) return malformed("`responses` is no array");
    for (const auto& entry : *array) {
        const auto* one = entry.if_object();
        const auto* range = one == nullptr ? nullptr : object_at(*one, "response_range");
        if (range != nullptr) VECSTORE_CHECK(add_values(*range, made.values));
    }
    return made;
}

result<std::string> parse_token(const http_reply& reply) {
    VECSTORE_TRY(const auto object, parse_reply(reply));
    const auto token = text_at(object, "token");
    if (token.empty()) return malformed("authentication gave no token");
    return std::string(token);
}

bool wants_token(const http_reply& reply) noexcept {
    return reply.status == 401 || reply.body.find("invalid auth token") != std::string::npos ||
           reply.body.find("user name is empty") != std::string::npos;
}

std::string encode_leader(const etcd_leader& leader) {
    json::object object;
    object["node"] = leader.node;
    object["address"] = leader.address;
    object["session"] = std::to_string(leader.session);
    object["term"] = std::to_string(leader.term);
    return json::serialize(object);
}

result<etcd_leader> parse_leader(std::string_view text) {
    json::error_code failed;
    json::parse_options options;
    options.max_depth = depth_max;
    const auto parsed = json::parse({text.data(), text.size()}, failed, {}, options);
    const auto* object = failed ? nullptr : parsed.if_object();
    if (object == nullptr) return malformed("the key `leader` holds no JSON object");
    const auto session = number_at(*object, "session"), term = number_at(*object, "term");
    if (!session || !term) return malformed("the key `leader` cannot be read");
    return etcd_leader{std::string(text_at(*object, "node")), std::string(text_at(*object, "address")), *session,
                       *term};
}

std::string to_base64(std::string_view bytes) {
    std::string text;
    for (std::size_t i = 0; i < bytes.size(); i += 3) {
        std::uint32_t group = 0;
        for (std::size_t j = 0; j < 3; ++j)
            group = group << 8 | (i + j < bytes.size() ? static_cast<unsigned char>(bytes[i + j]) : 0u);
        const auto present = std::min<std::size_t>(3, bytes.size() - i);
        for (std::size_t j = 0; j < 4; ++j) text += j <= present ? digits[group >> (18 - 6 * j) & 63] : '=';
    }
    return text;
}

std::optional<std::string> from_base64(std::string_view text) {
    if (text.size() % 4 != 0) return std::nullopt;
    std::string bytes;
    for (std::size_t i = 0; i < text.size(); i += 4) {
        std::uint32_t group = 0;
        std::size_t present = 0;
        for (; present < 4 && text[i + present] != '='; ++present) {
            const auto digit = digits.find(text[i + present]);
            if (digit == std::string_view::npos) return std::nullopt;
            group = group << 6 | static_cast<std::uint32_t>(digit);
        }
        const bool last = i + 4 == text.size();
        if (present < 2 || (present < 4 && !last) || (present == 2 && text[i + 3] != '=')) return std::nullopt;
        group <<= 6 * (4 - present);
        for (std::size_t j = 0; j + 1 < present; ++j) bytes += static_cast<char>(group >> (16 - 8 * j) & 255);
    }
    return bytes;
}

}  // namespace vecstore::replication::net
