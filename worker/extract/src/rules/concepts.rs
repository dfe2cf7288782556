//! The words of the rules: which field names mean the same. Data only.

use std::sync::LazyLock;

/// Names of one meaning, the canonical one first; all as words without gaps or accents,
/// best source first.
pub(super) static CONCEPTS: LazyLock<Vec<Vec<&'static str>>> =
    LazyLock::new(|| MEANINGS.iter().map(|names| names.split_whitespace().collect()).collect());

const MEANINGS: &[&str] = &[
    "name title headline producttitle productname itemname h1 heading ogtitle twittertitle linktext \
        pagetitle imagealt alternatename",
    "title headline name producttitle h1 heading ogtitle twittertitle linktext pagetitle imagealt \
        jobtitle subject",
    "price saleprice currentprice offerprice finalprice lowprice cost amount priceamount preis prix \
        precio prezzo prijs fee pricevalue unitprice preco cena pris 価格",
    "originalprice listprice regularprice oldprice wasprice msrp rrp uvp highprice \
        pricebeforediscount fullprice strikeprice standardprice",
    "currency pricecurrency currencycode wahrung devise moneda",
    "availability available instock stock stockstatus availabilitystatus isavailable isinstock \
        inventory stocklevel outofstock soldout verfugbarkeit disponibilite disponibilidad dostepnosc \
        beschikbaarheid disponibilita disponibilidade tillganglighet 在庫",
    "description summary abstract excerpt about overview details ogdescription twitterdescription \
        beschreibung shortdescription",
    "image imageurl picture photo thumbnail thumbnailurl mainimage ogimage twitterimage primaryimage \
        logo imagesrc img coverimage cover afbeelding bild",
    "images image photos pictures gallery ogimage",
    "url link href canonical canonicalurl ogurl permalink mainentityofpage website",
    "brand manufacturer brandname vendor productbrand make maker marke hersteller marque marca \
        producent fabricante produttore tillverkare merk ブランド メーカー 品牌",
    "sku productid itemnumber articlenumber artikelnummer retaileritemid itemno productcode asin \
        reference identifier productnumber artikelnumber referencia riferimento codice 商品番号 型番 ref \
        refnumber itemid kodproduktu addressid mpn partnumber modelnumber model",
    "gtin gtin13 gtin12 gtin14 gtin8 ean upc isbn barcode isbn13",
    "isbn isbn13 isbn10 gtin13",
    "mpn partnumber manufacturerpartnumber modelnumber model",
    "author authors byline writer creator authorname writtenby postedby by articleauthor autor auteur \
        dccreator",
    "date datepublished published publisheddate publishdate publicationdate publishedat publishedtime \
        publishedon dateposted posteddate postedat created createdat datecreated uploaddate pubdate \
        releasedate datum startdate time posted 発売日 公開日 投稿日 fecha data dato datumpublished",
    "datemodified modified updated updatedat lastupdated modifiedtime lastmodified updatedtime \
        dateupdated",
    "rating ratingvalue averagerating stars score starrating reviewrating reviewscore aggregaterating \
        bewertung",
    "reviewcount ratingcount numreviews numberofreviews reviewscount totalreviews ratings numratings \
        numberofratings reviews",
    "reviews review comments comment",
    "category section articlesection genre productcategory department kategorie breadcrumb type \
        kicker rubrik rubrique categoria",
    "categories category genre breadcrumb breadcrumbs articlesection",
    "keywords tags tag articletag topics labels schlagworte motscles etiquetas",
    "color colour farbe couleur",
    "size große taille",
    "weight gewicht poids shippingweight peso waga vikt",
    "material materials fabric",
    "condition itemcondition zustand",
    "seller vendor merchant shop store soldby retailer",
    "publisher sitename ogsitename source site website",
    "company hiringorganization companyname employer organization organisation firm localbusiness \
        corporation store restaurant newsmediaorganization",
    "location joblocation addresslocality place city address venue ort",
    "salary basesalary estimatedsalary compensation pay gehalt",
    "phone telephone phonenumber tel mobile telefon",
    "email emailaddress mail contactemail emailadresse courriel",
    "address streetaddress postaladdress location adresse",
    "postalcode zip zipcode postcode plz",
    "country addresscountry land",
    "city addresslocality town stadt ort",
    "language inlanguage lang oglocale sprache",
    "content articlebody body text fulltext reviewbody",
    "ingredients recipeingredient ingredient zutaten ingredienser ingredientes ingredienti \
        recipeingredients",
    "instructions recipeinstructions steps directions method preparation zubereitung gorsahar \
        preparacion preparazione tillagning anleitung",
    "features feature highlights keyfeatures bullets",
    "servings recipeyield yield serves portioner portionen portions porciones porzioni porcje",
    "duration totaltime runtime length",
    "startdate start startsat begins eventdate starttime",
    "enddate end endsat ends validthrough endtime deadline",
    "employmenttype jobtype contracttype",
    "quote text quotation",
    "model modelname modelnumber modelo modell modele mpn",
    "variants hasvariant variant options",
    "organizer organiser organisateur veranstalter organizador organizzatore host",
    "question frage pregunta domanda term name",
    "answer acceptedanswer suggestedanswer antwort reponse respuesta definition text",
    "term word keyword name",
    "definition meaning explanation description",
    "preptime preparationtime prep",
    "cooktime cookingtime cook performtime",
    "minvalue min minimum salarymin minsalary lowprice",
    "maxvalue max maximum salarymax maxsalary highprice",
    "street streetaddress strasse",
    "rank position place",
];

/// Words in front of a name that only repeat what the thing is.
pub(super) const LEADING: &[&str] = &[
    "product", "item", "article", "page", "book", "job", "event", "recipe", "is", "has", "the", "current",
    "main", "post", "movie", "full", "website", "site", "offer", "display", "story", "course", "listing",
    "its", "total", "primary",
];
/// Words behind a name that only say how it is written.
pub(super) const TRAILING: &[&str] = &[
    "value", "text", "string", "usd", "eur", "gbp", "str", "raw", "number", "amount", "iso", "in", "at",
    "on", "name", "url", "minutes", "mins", "hours",
];
/// Names that also occur in descriptions of other fields; a rarer one in the same sentence wins.
pub(super) const COMMON: &[&str] = &[
    "name",
    "title",
    "url",
    "description",
    "text",
    "time",
    "type",
    "date",
    "content",
    "number",
    "value",
    "source",
    "site",
    "place",
    "position",
    "by",
    "in",
    "body",
    "details",
    "about",
    "end",
    "start",
    "make",
    "length",
    "size",
    "link",
    "pay",
    "shop",
    "store",
    "item",
    "method",
    "mail",
    "available",
    "land",
    "score",
];
