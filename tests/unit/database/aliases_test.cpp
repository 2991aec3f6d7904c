// Aliases: what they stand for, what is refused, and that they survive.
#include "support/store.hpp"

#include <vecstore/database/write_batch.hpp>

#include <catch2/catch.hpp>

namespace vs = vecstore;
using namespace vecstore::test;
using vs::alias_action;

namespace {

struct opened {
    memory_disk disk;
    vs::database db = disk.open().value();
    vs::collection a = db.create_collection("a", one_vector(2)).value();
    vs::collection b = db.create_collection("b", one_vector(3)).value();

    [[nodiscard]] std::string meaning(const std::string& alias) const {
        const auto found = db.open_collection(alias);
        return found ? found->name() : "";
    }
};

std::string text_of(const std::vector<vs::collection_alias>& list) {
    std::string text;
    for (const auto& [alias, collection] : list) text += alias + "=" + collection + " ";
    return text;
}

}  // namespace

TEST_CASE("aliases: stand for a collection wherever its name is read", "[database]") {
    opened o;
    REQUIRE(o.db.create_alias("current", "a"));
    CHECK(o.meaning("current") == "a");
    CHECK(o.db.describe("current").value().name == "a");
    auto through = o.db.open_collection("current").value();
    REQUIRE(through.upsert({make_point(1, {1, 2})}));
    CHECK(o.a.count().value() == 1);
    CHECK(o.db.list_collections().value() == std::vector<std::string>{"a", "b"});
    REQUIRE(o.db.create_alias("current", "b"));
    CHECK(o.meaning("current") == "b");
    CHECK(through.name() == "a");  // a handle is of the collection
    REQUIRE(o.db.create_alias("other", "b"));
    CHECK(text_of(o.db.list_aliases().value()) == "current=b other=b ");
    CHECK(text_of(o.db.list_aliases("a").value()).empty());
    CHECK(text_of(o.db.list_aliases("other").value()) == "current=b other=b ");
    CHECK(code_of(o.db.list_aliases("none")) == vs::errc::not_found);
    REQUIRE(o.db.rename_alias("other", "another"));
    CHECK(o.meaning("other").empty());
    CHECK(o.meaning("another") == "b");
    REQUIRE(o.db.rename_alias("another", "current"));  // which is replaced
    CHECK(text_of(o.db.list_aliases().value()) == "current=b ");
    REQUIRE(o.db.erase_alias("current"));
    REQUIRE(o.db.erase_alias("current"));
    CHECK(o.db.list_aliases().value().empty());
}

TEST_CASE("aliases: what is refused", "[database]") {
    opened o;
    REQUIRE(o.db.create_alias("x", "a"));
    CHECK(code_of(o.db.create_alias("b", "a")) == vs::errc::already_exists);
    CHECK(code_of(o.db.create_alias("y", "none")) == vs::errc::not_found);
    CHECK(code_of(o.db.create_alias("y", "x")) == vs::errc::not_found);  // no alias of an alias
    CHECK(code_of(o.db.create_alias("", "a")) == vs::errc::invalid_argument);
    CHECK(code_of(o.db.create_alias("a/b", "a")) == vs::errc::invalid_argument);
    CHECK(code_of(o.db.rename_alias("none", "z")) == vs::errc::not_found);
    CHECK(code_of(o.db.rename_alias("x", "b")) == vs::errc::already_exists);
    const auto made = o.db.create_collection("x", one_vector(2));
    REQUIRE_FALSE(made);
    CHECK(made.error().code == vs::errc::invalid_argument);
    CHECK(made.error().message == "there is an alias \"x\"");
    const auto dropped = o.db.drop_collection("x");
    REQUIRE_FALSE(dropped);
    CHECK(dropped.error().code == vs::errc::not_found);
    CHECK(dropped.error().message == "no collection \"x\"; it is an alias of \"a\"");
    CHECK(text_of(o.db.list_aliases().value()) == "x=a ");
}

TEST_CASE("aliases: several steps happen together or not at all, in one record", "[database]") {
    opened o;
    REQUIRE(o.db.create_alias("current", "a"));
    const auto before = o.db.change_position().value();
    REQUIRE(o.db.update_aliases({alias_action::rename("current", "previous"), alias_action::create("current", "b"),
                                 alias_action::erase("none")}));
    CHECK(text_of(o.db.list_aliases().value()) == "current=b previous=a ");
    CHECK(o.db.change_position().value().lsn == before.lsn + 1);
    const auto refused = o.db.update_aliases({alias_action::erase("current"), alias_action::create("next", "none")});
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == vs::errc::not_found);
    CHECK(refused.error().message.find("actions[1]: ") == 0);
    CHECK(text_of(o.db.list_aliases().value()) == "current=b previous=a ");
    REQUIRE(o.db.update_aliases({}));
    REQUIRE(o.db.update_aliases({alias_action::create("current", "b")}));
    CHECK(o.db.change_position().value().lsn == before.lsn + 1);  // nothing has changed, so nothing was logged
    auto feed = o.db.changes(before).value();
    const auto change = feed.next().value();
    REQUIRE(change);
    CHECK(change->kind == vs::change_kind::update_aliases);
    CHECK(change->collection.empty());
    CHECK(change->values == vs::payload::document{{"current", "b"}, {"previous", "a"}});
}

TEST_CASE("aliases: go with their collection", "[database]") {
    opened o;
    REQUIRE(o.db.update_aliases({alias_action::create("x", "a"), alias_action::create("y", "b")}));
    REQUIRE(o.db.drop_collection("a"));
    CHECK(text_of(o.db.list_aliases().value()) == "y=b ");
    CHECK(o.db.create_collection("x", one_vector(2)));
}

TEST_CASE("aliases: survive by the log and by the checkpoint", "[database]") {
    const bool checkpointed = GENERATE(false, true);
    memory_disk disk;
    {
        auto db = disk.open().value();
        REQUIRE(db.create_collection("a", one_vector(2)));
        REQUIRE(db.create_collection("b", one_vector(2)));
        REQUIRE(db.create_alias("gone", "a"));
        REQUIRE(db.checkpoint());
        REQUIRE(db.update_aliases({alias_action::create("current", "b"), alias_action::erase("gone")}));
        if (checkpointed) REQUIRE(db.checkpoint());
    }
    auto options = quiet();
    {
        options.read_only = true;
        const auto db = disk.open(options).value();
        CHECK(db.open_collection("current").value().name() == "b");
        CHECK(code_of(db.open_collection("gone")) == vs::errc::not_found);
    }
    auto db = disk.open().value();
    CHECK(text_of(db.list_aliases().value()) == "current=b ");
    REQUIRE(db.erase_alias("current"));
    REQUIRE(db.checkpoint());
    REQUIRE(db.close());
    CHECK(disk.open().value().list_aliases().value().empty());
}

TEST_CASE("aliases: of a database in memory, and of its snapshot", "[database]") {
    auto db = vs::database::in_memory(quiet()).value();
    REQUIRE(db.create_collection("a", one_vector(2)));
    REQUIRE(db.create_alias("x", "a"));
    CHECK(db.open_collection("x"));
}
