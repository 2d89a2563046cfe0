//! The refresh tokens of the old program: a list in each user's document.

use mongodb::{
    Client, Collection,
    bson::{Document, doc},
    error::Error,
};
use tower_bearer::{
    RefreshToken,
    session::{ForeignTokens, Grant},
};

pub(crate) struct OldTokens {
    users: Collection<Document>,
}

impl OldTokens {
    /// The tokens in the database that the address names.
    pub(crate) async fn connect(url: &str) -> Result<Self, Error> {
        let client = Client::with_uri_str(url).await?;
        let database = client.default_database();
        let database = database.ok_or_else(|| Error::custom("the address names no database"))?;
        let users = database.collection("users");
        Ok(Self { users })
    }
}

impl ForeignTokens for OldTokens {
    type Error = Error;

    async fn find(&self, token: &RefreshToken) -> Result<Option<Grant>, Error> {
        let with_token = doc! { "refreshTokens": token.expose() };
        let user = self.users.find_one(with_token).await?;
        let name = user.and_then(|user| user.get_str("name").ok().map(str::to_owned));
        Ok(name.map(|name| Grant::new(name).metadata("taken over from", "the old program")))
    }

    /// Mongoose writes a whole list back if its document still has the version that was read. Without a new
    /// version, it could write this token back with it.
    async fn remove(&self, token: &RefreshToken) -> Result<(), Error> {
        let with_token = doc! { "refreshTokens": token.expose() };
        let without = doc! { "$pull": with_token.clone(), "$inc": { "__v": 1 } };
        self.users.update_one(with_token, without).await?;
        Ok(())
    }

    async fn remove_all(&self, subject: &str) -> Result<(), Error> {
        let all = doc! { "$set": { "refreshTokens": [] }, "$inc": { "__v": 1 } };
        self.users.update_one(doc! { "name": subject }, all).await?;
        Ok(())
    }
}
