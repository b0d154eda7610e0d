//! What the columns of a table are taken for, by their headers.

/// What a column of a table is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Column {
    /// What the other program knows the member by.
    Id,
    /// The whole name.
    Name,
    /// The name before the family's.
    GivenName,
    /// The family's name.
    FamilyName,
    /// The company: the name of who has no other.
    Company,
    /// A person or an organisation.
    Kind,
    /// One line about them.
    Headline,
    /// A few paragraphs about them.
    Biography,
    /// What they can do; a list.
    Skills,
    /// What they offer; a list.
    Offers,
    /// What they look for; a list.
    Wants,
    /// Languages they speak; a list.
    Languages,
    /// Addresses on the web; a list.
    Links,
    /// What they are at the hub.
    Role,
    /// Projects; a list.
    Projects,
    /// Programmes; a list.
    Programmes,
    /// What kind of membership.
    Tier,
    /// How it stands, or whether it is active.
    Status,
    /// Its last day.
    ValidUntil,
    /// Where to write to.
    Mail,
    /// Where to call.
    Phone,
    /// What the staff noted.
    Notes,
    /// The member's number.
    Number,
    /// Whether they wish to be seen.
    Visible,
    /// Nothing: it is left out.
    Ignored,
}

impl Column {
    /// All of them.
    pub const ALL: [Self; 25] = [
        Self::Id,
        Self::Name,
        Self::GivenName,
        Self::FamilyName,
        Self::Company,
        Self::Kind,
        Self::Headline,
        Self::Biography,
        Self::Skills,
        Self::Offers,
        Self::Wants,
        Self::Languages,
        Self::Links,
        Self::Role,
        Self::Projects,
        Self::Programmes,
        Self::Tier,
        Self::Status,
        Self::ValidUntil,
        Self::Mail,
        Self::Phone,
        Self::Notes,
        Self::Number,
        Self::Visible,
        Self::Ignored,
    ];

    /// The word for it, which is also the header of it in our own tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Id => "id",
            Self::Name => "name",
            Self::GivenName => "given_name",
            Self::FamilyName => "family_name",
            Self::Company => "company",
            Self::Kind => "kind",
            Self::Headline => "headline",
            Self::Biography => "biography",
            Self::Skills => "skills",
            Self::Offers => "offers",
            Self::Wants => "wants",
            Self::Languages => "languages",
            Self::Links => "links",
            Self::Role => "role",
            Self::Projects => "projects",
            Self::Programmes => "programmes",
            Self::Tier => "tier",
            Self::Status => "status",
            Self::ValidUntil => "valid_until",
            Self::Mail => "mail",
            Self::Phone => "phone",
            Self::Notes => "notes",
            Self::Number => "number",
            Self::Visible => "visible",
            Self::Ignored => "ignore",
        }
    }

    /// By its word.
    pub fn named(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.name() == word)
    }

    /// All words, for messages.
    pub(super) fn words() -> String {
        Self::ALL.map(Self::name).join(", ")
    }

    /// Whether several columns of it make one list.
    pub(super) const fn is_list(self) -> bool {
        matches!(
            self,
            Self::Skills
                | Self::Offers
                | Self::Wants
                | Self::Languages
                | Self::Links
                | Self::Projects
                | Self::Programmes
        )
    }

    /// What a header looks like.
    pub(super) fn guessed(header: &str) -> Option<Self> {
        let folded = folded(header);
        let is = |words: &str| words.split(' ').any(|word| word == folded);
        let found = HEADERS.iter().find(|(_, words)| is(words));
        found.map(|(column, _)| *column)
    }
}

/// Headers without case, accents, blanks and punctuation: of Cobot, Nexudus and ordinary tables, in English, German, Dutch, French
/// and Spanish. The first line of each is the English one, with the words of those two programs.
const HEADERS: [(Column, &str); 24] = [
    (
        Column::Id,
        "id uid uuid uniqueid membershipid memberid userid coworkerid customerid contactid recordid externalid \
         mitgliedsid kundenid lidid identifiant identificador",
    ),
    (
        Column::Name,
        "name fullname membername displayname completename contactname coworkerfullname \
         namevollstandig vollername vollstandigername mitglied mitgliedsname anzeigename volledigenaam naam \
         nomcomplet nometprenom prenometnom nomprenom prenomnom nombrecompleto nombreyapellido nombreyapellidos",
    ),
    (
        Column::GivenName,
        "firstname givenname forename guessedfirstname vorname rufname voornaam prenom nombre nombredepila",
    ),
    (
        Column::FamilyName,
        "lastname familyname surname guessedlastname nachname familienname zuname achternaam nom nomdefamille apellido apellidos",
    ),
    (
        Column::Company,
        "company companyname organisation organization org business businessname billingname \
         firma firmenname unternehmen organisationsname bedrijf bedrijfsnaam organisatie \
         societe entreprise raisonsociale empresa razonsocial organizacion compania",
    ),
    (
        Column::Kind,
        "kind type membertype coworkertype art mitgliedsart typ soort typedemembre tipo tipodesocio",
    ),
    (
        Column::Headline,
        "headline jobtitle position profession occupation tagline profiletagline businessarea \
         beruf berufsbezeichnung tatigkeit stelle beroep functie functietitel metier fonction poste profesion puesto cargo",
    ),
    (
        Column::Biography,
        "biography bio about aboutme description summary profile profilesummary profiletext \
         biografie uberuns uebermich ubermich beschreibung profil overmij omschrijving beschrijving \
         biographie apropos presentation biografia sobremi descripcion acercade",
    ),
    (
        Column::Skills,
        "skills skill tags keywords expertise profiletags profiletagslist competences competencies \
         fahigkeiten faehigkeiten kenntnisse kompetenzen schlagworter stichworte \
         vaardigheden kennis expertises motscles savoirfaire habilidades competencias etiquetas conocimientos",
    ),
    (
        Column::Offers,
        "offers offer offering offerings angebote angebot bietet ichbiete aanbod biedt aangeboden offres offre propose ofertas oferta ofrece",
    ),
    (
        Column::Wants,
        "wants want needs need lookingfor seeking gesuche gesuch sucht suche ichsuche gezocht zoekt vraag \
         recherche recherches besoins busca demandas necesita",
    ),
    (
        Column::Languages,
        "languages language spokenlanguages languagesspoken sprachen sprache talen taal langues langue idiomas idioma lenguas",
    ),
    (
        Column::Links,
        "links link website websites web url urls homepage webpage webaddress profilewebsite \
         twitter facebook instagram linkedin github mastodon xing youtube bluesky \
         webseite internetseite internet siteweb siteinternet paginaweb sitioweb enlaces liens",
    ),
    (
        Column::Role,
        "role roleathub function hubrole rolle funktion aufgabe rol rolinhub rolehub",
    ),
    (
        Column::Projects,
        "projects project projekte projekt projecten projets projet proyectos proyecto",
    ),
    (
        Column::Programmes,
        "programmes programme programs program cohort programm programma programmas programas programa cohorte",
    ),
    (
        Column::Tier,
        "tier plan planname membershipplan membership membershiptype membershiplevel tariff tariffname pricplan priceplan package \
         subscription tarif tarifname mitgliedschaft beitragsart mitgliedstarif abo abonnement lidmaatschap \
         formule adhesion typedabonnement tarifa membresia suscripcion tipodemembresia",
    ),
    (
        Column::Status,
        "status active membershipstatus memberstatus isactive mitgliedsstatus aktiv actief lidstatus \
         statut actif estado activo activa",
    ),
    (
        Column::ValidUntil,
        "validuntil validto ends endsat endson enddate end expires expiry expirydate expiresat expiration expirationdate until \
         canceledto cancelledto canceledat cancellationdate contractenddate membershipends membershipenddate paiduntil \
         gultigbis gueltigbis ende enddatum endetam austritt austrittsdatum kundigungzum kuendigungzum laufzeitende ablaufdatum bis \
         geldigtot einddatum eindigt einde vervaldatum tot \
         valablejusquau valablejusqua datedefin fin finit expirele dateexpiration datedexpiration \
         validohasta fechadefin fechafin termina vence vencimiento fechadevencimiento caducidad",
    ),
    (
        Column::Mail,
        "mail email emailaddress mailaddress emails contactemail workemail primaryemail email1 email1value emailadresse mailadresse \
         emailadres mailadres courriel adressemail adresseemail mel correo correoelectronico correoe email1address",
    ),
    (
        Column::Phone,
        "phone telephone tel phonenumber telephonenumber mobile mobilephone mobilenumber cell cellphone landline phone1value \
         telefon telefonnummer handy handynummer mobil mobilnummer mobiltelefon rufnummer \
         telefoon telefoonnummer mobiel gsm numerodetelephone portable telephoneportable \
         telefono numerodetelefono movil celular telefonomovil",
    ),
    (
        Column::Notes,
        "notes note comment comments internalnotes generalnotes remarks membershipnotes \
         notizen notiz bemerkung bemerkungen anmerkung anmerkungen kommentar \
         notities notitie opmerking opmerkingen remarque remarques commentaire commentaires \
         notas nota comentarios comentario observaciones",
    ),
    (
        Column::Number,
        "number no nr membernumber memberno membershipnumber customernumber customerno referencenumber \
         mitgliedsnummer mitgliedsnr mitgliednr mitgliedernummer kundennummer kundennr nummer \
         lidnummer lidnr ledennummer klantnummer numero numeromembre numerodemembre numeroadherent numerodadherent numeroclient \
         numerodesocio numerosocio nsocio nosocio nodesocio nomembre nodemembre noadherent numerodecliente",
    ),
    (
        Column::Visible,
        "visible public publicprofile ispublic profileispublic published showprofile visibleindirectory directory discoverable \
         sichtbar offentlich oeffentlich offentlichesprofil veroffentlicht zichtbaar openbaar openbaarprofiel \
         publique visibleparlesautres profilpublic publico perfilpublico",
    ),
];

/// Small letters without the accents of the languages of western Europe.
pub(super) fn unaccented(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for char in text.chars().flat_map(char::to_lowercase) {
        match char {
            'à' | 'á' | 'â' | 'ã' | 'ä' | 'å' | 'ª' => out.push('a'),
            'ç' => out.push('c'),
            'è' | 'é' | 'ê' | 'ë' => out.push('e'),
            'ì' | 'í' | 'î' | 'ï' => out.push('i'),
            'ñ' => out.push('n'),
            // As in N.º and n° too.
            'ò' | 'ó' | 'ô' | 'õ' | 'ö' | 'ø' | 'º' | '°' => out.push('o'),
            'ù' | 'ú' | 'û' | 'ü' => out.push('u'),
            'ý' | 'ÿ' => out.push('y'),
            'ß' => out.push_str("ss"),
            'œ' => out.push_str("oe"),
            'æ' => out.push_str("ae"),
            // An accent that stands by itself, after its letter.
            '\u{300}'..='\u{36f}' => {}
            _ => out.push(char),
        }
    }
    out
}

/// A header without case, accents, blanks and punctuation.
pub(super) fn folded(header: &str) -> String {
    unaccented(header)
        .chars()
        .filter(|char| char.is_alphanumeric())
        .collect()
}

/// What links of a column lead to: the name of the place, if the header is one.
pub(super) fn link_label(header: &str) -> String {
    const PLACES: [&str; 9] = [
        "twitter",
        "facebook",
        "instagram",
        "linkedin",
        "github",
        "mastodon",
        "xing",
        "youtube",
        "bluesky",
    ];
    if PLACES.contains(&folded(header).as_str()) {
        crate::member::said::one_line(header)
    } else {
        String::new()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_word_stands_for_one_column() {
        let mut seen = BTreeSet::new();
        for (column, words) in HEADERS {
            for word in words.split(' ') {
                assert!(seen.insert(word), "{word} twice");
                assert_eq!(folded(word), word);
                assert_eq!(Column::guessed(word), Some(column));
            }
        }
        for column in Column::ALL {
            assert_eq!(Column::named(column.name()), Some(column));
            if column != Column::Ignored {
                assert_eq!(Column::guessed(column.name()), Some(column));
            }
        }
        assert_eq!((Column::guessed("Favourite colour"), Column::guessed("")), (None, None));
    }

    #[test]
    fn headers_of_others_are_known() {
        for (header, column) in [
            ("E-Mail", Column::Mail),
            ("Plan Name", Column::Tier),
            ("Canceled to", Column::ValidUntil),
            ("Customer number", Column::Number),
            ("FullName", Column::Name),
            ("MobilePhone", Column::Phone),
            ("ProfileTags", Column::Skills),
            ("ContractEndDate", Column::ValidUntil),
            ("Mitglieds-Nr.", Column::Number),
            ("Gültig bis", Column::ValidUntil),
            ("Fähigkeiten", Column::Skills),
            ("Téléphone", Column::Phone),
            ("Prénom", Column::GivenName),
            ("Correo electrónico", Column::Mail),
            ("Vaardigheden", Column::Skills),
            ("N\u{303}o", Column::Number),
        ] {
            assert_eq!(Column::guessed(header), Some(column), "{header}");
        }
        assert_eq!(
            (link_label("LinkedIn"), link_label("Website")),
            ("LinkedIn".into(), String::new())
        );
    }
}
