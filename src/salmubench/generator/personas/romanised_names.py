"""Common names in Latin letters for the languages whose names Faker holds only in scripts that lose their vowels.

Arabic, Hebrew, Persian, Bengali, Thai, Nepali and Sinhala names can't be transliterated letter by letter into what
people write in their passports; Faker's Pakistani, Thai, Lithuanian, Zulu and Vietnamese lists are short or don't tell
men from women, and its Bulgarian and Turkish ones hold many words that nobody is called. These are frequent given names
and surnames in their usual English spelling, put together for this project.
"""

from __future__ import annotations

from typing import Final, NamedTuple


class Names(NamedTuple):
    """Given names and surnames of one language, by gender."""

    female: tuple[str, ...]
    male: tuple[str, ...]
    female_last: tuple[str, ...]
    male_last: tuple[str, ...]


def _names(female: str, male: str, last: str, female_last: str = "") -> Names:
    def split(text: str) -> tuple[str, ...]:
        return tuple(item.replace("_", " ") for item in text.split())

    return Names(split(female), split(male), split(female_last or last), split(last))


ROMANISED: Final[dict[str, Names]] = {
    "arabic_gulf": _names(
        "Abeer Afnan Aisha Aljawhara Amal Areej Asma Bashayer Bayan Dalal Ebtisam Fatimah Ghada Hessa Hanan Hind "
        "Huda Jawaher Khulood Lama Lateefah Maha Manal Mashael Mona Munira Nada Najla Norah Nouf Ohoud Rahaf "
        "Rania Reem Rawan Ruba Salma Samar Sara Shahad Sheikha Wafa Wejdan Yara",
        "Abdulaziz Abdullah Abdulrahman Adel Ahmed Ali Bader Bandar Fahad Faisal Fawaz Ghazi Hamad Hassan Hisham "
        "Ibrahim Khalid Majed Mansour Mazen Meshal Mishari Mohammed Muteb Naif Nasser Nawaf Omar Osama Rakan "
        "Rayan Saad Salman Saleh Saud Sultan Talal Tariq Thamer Turki Waleed Yasser Yousef Ziyad",
        "Al-Ahmadi Al-Amri Al-Anazi Al-Asmari Al-Balawi Al-Bishi Al-Dosari Al-Faraj Al-Ghamdi Al-Hamdan Al-Harbi "
        "Al-Hazmi Al-Juhani Al-Khaldi Al-Maliki Al-Mutairi Al-Nahdi Al-Omari Al-Otaibi Al-Qahtani Al-Qarni "
        "Al-Rashidi Al-Ruwaili Al-Shahrani Al-Shammari Al-Shehri Al-Subaie Al-Sulami Al-Tamimi Al-Thubaiti "
        "Al-Yami Al-Zahrani Bahamdan Bajaber Felemban Halawani Jamjoom Khayat Mirza Qurban",
    ),
    "arabic_levant": _names(
        "Abir Ahlam Amani Amira Aya Basma Dalia Dima Dina Farah Fidaa Ghadeer Hadeel Haneen Hiba Iman Intisar "
        "Jumana Khadija Laila Lamis Lina Lubna Maram Maysoon Muna Nadia Nour Raghad Rana Rasha Razan Rula Ruqayya "
        "Sabreen Safaa Samia Sawsan Shireen Suha Tahani Tala Walaa Yasmin Zeina",
        "Abdallah Adham Ahmad Amjad Anas Ashraf Ayman Baha Bassam Bilal Eyad Fadi Fares Ghassan Hamza Hani Hatem "
        "Husam Imad Ismail Jamal Jihad Kamal Karim Khaled Loay Mahmoud Marwan Moataz Mousa Munir Mustafa Nabil "
        "Nidal Osaid Qais Raed Rami Saji Samer Tamer Wael Wisam Yazan Zaher",
        "Abdelhadi Abu_Aisheh Abu_Daqqa Abu_Eid Abu_Hamed Abu_Sneineh Abu_Zayyad Alami Arafeh Asfour Atallah Awad "
        "Barakat Barghouti Dabbagh Daoud Dajani Farraj Ghanem Habash Hamdan Hijazi Husseini Jabari Jarrar Kanaan "
        "Karaki Khalidi Khatib Masri Mansour Nashashibi Natsheh Nusseibeh Odeh Qasem Rabah Rantisi Saadeh Sabbagh "
        "Salameh Shaheen Shawa Tamimi Tarazi Yassin Zahda Zuaiter",
    ),
    "bengali": _names(
        "Afroza Anika Arifa Ayesha Bilkis Dilara Farhana Farzana Ferdousi Habiba Humaira Ishrat Jahanara Jannatul "
        "Jesmin Kamrun Khaleda Labonno Lutfun Mahbuba Maliha Marzia Mithila Moumita Nafisa Nahida Nargis Nasima "
        "Nusrat Parveen Rabeya Rehana Rokeya Rumana Sabina Sadia Salma Shamima Sharmin Shirin Sultana Sumaiya "
        "Tahmina Tanjila Tasnim Zakia",
        "Abdul Abir Ahsan Alamgir Anwar Arif Ashraful Asif Azizul Emdad Enamul Farid Fazlul Habibur Hasan Imtiaz "
        "Jahangir Kamrul Khaled Liton Mahbub Masud Mizanur Monir Mostafa Nasir Nazrul Obaidul Parvez Rafiqul "
        "Rakib Rashed Rezaul Rubel Sabbir Saiful Sajjad Selim Shafiqul Shahin Sohel Tanvir Tariqul Zahid Zubair",
        "Ahmed Akhter Alam Ali Amin Ansari Aziz Bhuiyan Biswas Chakma Chowdhury Das Dewan Faruque Gazi Ghosh "
        "Haider Haque Hossain Howlader Huda Islam Kabir Karim Kazi Khan Khandaker Majumder Mallick Mia Molla "
        "Mondal Morshed Munshi Patwary Quader Rahman Roy Saha Sarkar Shikder Siddique Sikder Talukder Uddin Zaman",
    ),
    "bulgarian": _names(
        "Albena Aleksandra Ana Antoaneta Bilyana Bistra Boryana Daniela Darina Desislava Diana Dimitrina Donka "
        "Elena Elitsa Emilia Evgenia Galina Gergana Ginka Hristina Iliana Iskra Ivanka Ivelina Kalina Katya "
        "Krasimira Lilyana Lyudmila Margarita Mariana Milena Miroslava Nadezhda Nevena Nikolina Petya Polina "
        "Radka Radostina Ralitsa Rositsa Rumyana Silvia Snezhana Stanislava Stefka Svetlana Teodora Tsvetelina "
        "Vanya Vasilka Veneta Vesela Violeta Yana Yordanka Zdravka Zornitsa",
        "Aleksandar Andon Anton Asen Atanas Blagoy Bogdan Boris Bozhidar Danail Delyan Dimitar Dobromir Emil "
        "Filip Galin Georgi Grigor Hristo Iliya Ivan Ivaylo Kaloyan Kamen Kiril Konstantin Krasimir Krum Lachezar "
        "Lyuben Lyubomir Marin Metodi Mihail Milen Nayden Nikolay Ognyan Pavel Petar Plamen Radoslav Rosen Rumen "
        "Simeon Slavcho Spas Stanimir Stefan Stoyan Svetoslav Todor Tsvetan Valentin Vasil Ventsislav Veselin "
        "Vladimir Yordan Zhivko",
        "Angelov Atanasov Bachvarov Borisov Boyadzhiev Chakarov Dimitrov Dobrev Donchev Filipov Ganchev Genchev "
        "Georgiev Gospodinov Hristov Iliev Ivanov Kalchev Kanev Kirilov Kolev Kostadinov Lazarov Manolov Marinov "
        "Markov Mihaylov Mitev Nedelchev Nikolov Pavlov Penchev Petkov Petrov Popov Rusev Savov Slavov Spasov "
        "Stanchev Stefanov Stoyanov Tanev Todorov Tsankov Tsvetkov Valchev Vasilev Yankov Yordanov Zhekov Zlatev",
        "Angelova Atanasova Bachvarova Borisova Boyadzhieva Chakarova Dimitrova Dobreva Doncheva Filipova "
        "Gancheva Gencheva Georgieva Gospodinova Hristova Ilieva Ivanova Kalcheva Kaneva Kirilova Koleva "
        "Kostadinova Lazarova Manolova Marinova Markova Mihaylova Miteva Nedelcheva Nikolova Pavlova Pencheva "
        "Petkova Petrova Popova Ruseva Savova Slavova Spasova Stancheva Stefanova Stoyanova Taneva Todorova "
        "Tsankova Tsvetkova Valcheva Vasileva Yankova Yordanova Zhekova Zlateva",
    ),
    "hebrew": _names(
        "Adi Avigail Ayala Batya Carmel Chava Dafna Dana Efrat Einat Galit Hadas Hila Inbal Keren Lea Liat Lior "
        "Maayan Merav Michal Miriam Moran Naama Netta Noa Nurit Ofra Orit Orly Rachel Rivka Ronit Ruth Sarit "
        "Shani Sharon Shira Shlomit Sigal Smadar Tali Tamar Yael Yardena Zehava",
        "Alon Amir Amit Amnon Ariel Asaf Avi Avner Barak Boaz Chaim Dan David Doron Eitan Elad Eli Eyal Gil Gilad "
        "Guy Haggai Ilan Itamar Itzhak Lavi Matan Meir Menachem Moshe Nadav Natan Nir Ofer Ohad Oren Ori Raz Ron "
        "Shai Shimon Tal Tomer Uri Yair Yaron Yehuda Yonatan Yosef Yuval Zvi",
        "Abutbul Alkalai Amar Amsalem Ashkenazi Avraham Azoulay Bar-Lev Barzilai Ben-Ami Ben-David Ben-Haim Biton "
        "Carmi Cohen Dayan Edri Elbaz Feldman Friedman Gabay Goldberg Golan Hadad Harel Katz Klein Kaplan Lavi "
        "Levi Malka Mizrahi Mor Navon Ohana Oz Paz Peled Peretz Regev Rosen Sasson Segal Shapira Sharabi Shaked "
        "Tzur Vaknin Yadin Zohar",
    ),
    "lithuanian": _names(
        "Agnė Aistė Akvilė Asta Aušra Birutė Brigita Dalia Daiva Danutė Deimantė Diana Edita Eglė Elena Erika "
        "Gabija Giedrė Gintarė Goda Greta Ieva Ilona Indrė Inga Jolanta Jurgita Justina Karolina Kotryna Kristina "
        "Laima Laura Lina Loreta Miglė Milda Monika Neringa Nijolė Rasa Rūta Simona Skaistė Sonata Vaida Vilma "
        "Viltė Violeta Živilė",
        "Adomas Algirdas Andrius Antanas Arnas Artūras Arvydas Audrius Aurimas Darius Deividas Dominykas Donatas "
        "Dovydas Edgaras Eimantas Ernestas Evaldas Gediminas Giedrius Gintaras Haroldas Ignas Jonas Justinas "
        "Karolis Kęstutis Kristupas Linas Lukas Mantas Marius Martynas Mindaugas Modestas Nerijus Paulius Petras "
        "Ramūnas Rimantas Rokas Romualdas Saulius Simonas Tadas Tomas Valdas Vilius Vytautas Žygimantas",
        "Adomaitis Aleksandravičius Balčiūnas Baranauskas Bernotas Butkevičius Butkus Černiauskas Daukša "
        "Dambrauskas Gaižauskas Grigas Gudaitis Ivanauskas Jankauskas Jonaitis Juška Kairys Karpavičius Kaupas "
        "Kavaliauskas Kazlauskas Kubilius Kučinskas Lapinskas Mackevičius Mažeika Mickevičius Navickas Norkus "
        "Paulauskas Petrauskas Pocius Povilaitis Radzevičius Ramanauskas Rimkus Sakalauskas Savickas Simonaitis "
        "Stankevičius Šimkus Tamašauskas Urbonas Vaitkus Valančiūnas Vasiliauskas Vitkauskas Žilinskas Žukauskas",
        "Adomaitė Aleksandravičiūtė Balčiūnienė Baranauskaitė Bernotienė Butkevičienė Butkutė Černiauskienė "
        "Daukšaitė Dambrauskienė Gaižauskaitė Grigienė Gudaitė Ivanauskienė Jankauskaitė Jonaitienė Juškaitė "
        "Kairytė Karpavičienė Kaupaitė Kavaliauskienė Kazlauskaitė Kubilienė Kučinskaitė Lapinskienė Mackevičiūtė "
        "Mažeikienė Mickevičienė Navickaitė Norkutė Paulauskienė Petrauskaitė Pociūtė Povilaitienė Radzevičienė "
        "Ramanauskaitė Rimkutė Sakalauskienė Savickaitė Simonaitienė Stankevičiūtė Šimkutė Tamašauskienė "
        "Urbonaitė Vaitkutė Valančiūnaitė Vasiliauskienė Vitkauskaitė Žilinskienė Žukauskaitė",
    ),
    "nepali": _names(
        "Aarati Anju Anita Asmita Bandana Barsha Bimala Binita Chandani Deepa Durga Gita Goma Hira Indira Jamuna "
        "Januka Kabita Kalpana Kamala Laxmi Madhavi Mandira Manisha Maya Meena Namrata Niruta Pabitra Parbati "
        "Pramila Prativa Puja Radhika Rekha Rupa Sabina Sabitri Samjhana Sangita Sarita Shanti Shova Sirjana "
        "Srijana Subhadra Susmita Tulasi Urmila Yamuna",
        "Aashish Amrit Anil Arjun Bhim Bibek Bijay Bikash Binod Bishnu Buddhi Chandra Deepak Dhan Dinesh Dipendra "
        "Ganesh Gopal Govinda Hari Ishwor Janak Kamal Keshav Khem Krishna Kumar Lokendra Madan Mahesh Mohan Nabin "
        "Narayan Niraj Prakash Pramod Prem Rajan Rajendra Ramesh Sagar Santosh Shiva Sudip Sunil Suresh Surya Tek "
        "Tika Umesh Yubaraj",
        "Acharya Adhikari Aryal Bajracharya Baral Basnet Bhandari Bhattarai Bista Chaudhary Chhetri Dahal Dangol "
        "Devkota Dhakal Gautam Ghimire Gurung Joshi Kafle Karki Khadka Khanal Koirala Lama Lamichhane Limbu "
        "Maharjan Malla Neupane Pandey Panta Paudel Poudyal Pradhan Rai Rana Regmi Rijal Sapkota Shah Sharma "
        "Sherpa Shrestha Subedi Tamang Thapa Tuladhar Wagle",
    ),
    "persian": _names(
        "Afsaneh Arezou Atefeh Azadeh Bahar Darya Elham Elnaz Farnaz Fatemeh Forough Golnar Hanieh Jaleh Katayoun "
        "Ladan Laleh Mahsa Maryam Mina Mitra Nahid Narges Nasrin Nazanin Negar Niloufar Parisa Parvaneh Roya "
        "Roxana Saghar Sahar Samira Sanaz Sepideh Setareh Shabnam Shadi Shirin Soraya Tara Yalda Zahra",
        "Alireza Amir Arash Ardeshir Armin Babak Bahram Behnam Behrouz Dariush Ehsan Esfandiar Farhad Farshid "
        "Farzad Hamid Hossein Iraj Jamshid Javad Kamran Kaveh Kian Kourosh Majid Masoud Mehdi Mehrdad Mohsen "
        "Navid Nima Omid Parviz Payam Peyman Pouya Ramin Reza Saeed Shahram Siamak Sina Soheil Vahid",
        "Abbasi Afshar Ahmadi Akbari Alavi Amini Ansari Asadi Azizi Bagheri Bahrami Daneshvar Ebrahimi Eskandari "
        "Farahani Ghasemi Ghorbani Habibi Hashemi Heidari Hosseini Jafari Kamali Karimi Kazemi Khosravi Mahdavi "
        "Mirzaei Mohammadi Moradi Mousavi Najafi Nazari Norouzi Rahimi Rahmani Rezaei Rostami Sadeghi Salehi "
        "Shahbazi Sharifi Soltani Tabrizi Tavakoli Yazdani Zamani Zand",
    ),
    "sinhala": _names(
        "Achini Amali Anoma Anusha Ayesha Bhagya Chamari Chandima Chathurika Dammika Dilani Dilrukshi Dinithi "
        "Gayani Geethika Harshani Hashini Hiruni Inoka Ishara Janaki Kalpani Kanchana Kumari Lakmali Madhavi "
        "Malani Manel Nadeesha Nayana Nilmini Nimali Nirosha Padmini Piumi Ramani Renuka Sachini Samanthi "
        "Sandamali Sanduni Shiromi Sujatha Thilini Udari Vindya Yamuna",
        "Ajith Amila Anura Aruna Asanka Asela Bandula Buddhika Chamara Chaminda Chandana Chathura Danushka "
        "Dhammika Dilshan Dinesh Gamini Gayan Hasitha Indika Isuru Janaka Jayantha Kasun Kumara Lahiru Lakmal "
        "Lalith Mahesh Manjula Nalin Namal Nimal Nuwan Palitha Pradeep Prasanna Priyantha Roshan Ruwan Sampath "
        "Saman Sanath Sarath Sunil Suranga Thilak Tharindu Udaya Upul",
        "Abeysekara Abeywickrama Amarasinghe Bandara Basnayake Dassanayake De_Silva Dharmasena Dias Dissanayake "
        "Ekanayake Fernando Gamage Gunaratne Gunasekara Gunawardena Herath Hettiarachchi Jayakody Jayasinghe "
        "Jayasuriya Jayawardena Karunaratne Kulatunga Kumarasinghe Liyanage Mendis Munasinghe Nanayakkara "
        "Pathirana Peiris Perera Premaratne Rajapaksa Ranasinghe Ranatunga Ratnayake Samaraweera Senanayake "
        "Seneviratne Silva Siriwardena Somaratne Tennakoon Vithanage Weerakoon Weerasinghe Wickramasinghe "
        "Wijesekara Wijesinghe",
    ),
    "south_african": _names(
        "Amahle Annelie Ayanda Bongiwe Busisiwe Charlene Dineo Elna Fikile Gugulethu Hettie Ilse Karabo "
        "Khanyisile Kholeka Lerato Liezl Lindiwe Lungile Mariska Marlize Mpho Naledi Nandi Nandipha Nokuthula "
        "Nomvula Nontobeko Noluthando Ntombi Palesa Petro Refilwe Retha Sibongile Sinazo Siphokazi Sonja Thandeka "
        "Thandi Thembeka Tshegofatso Unathi Vuyelwa Yolandi Zanele Zinhle Zodwa",
        "Andile Bandile Bheki Bongani Christo Deon Dumisani Fanie Francois Gerrit Hendrik Jabulani Jaco Johan "
        "Kabelo Kagiso Katlego Kobus Lebogang Luyanda Lwazi Mandla Marius Mduduzi Musa Mzwandile Neels Nhlanhla "
        "Njabulo Nkosana Ockert Pieter Rudi Sandile Sibusiso Sipho Siyabonga Stefan Tebogo Thabo Thami Themba "
        "Thulani Tshepo Vusi Werner Wikus Xolani Zakhele Zweli",
        "Botha Buthelezi Cele Coetzee Dlamini Dube Du_Plessis Du_Toit Erasmus Fourie Gumede Hadebe Hlongwane "
        "Jacobs Jordaan Khoza Khumalo Kruger Kunene Luthuli Mabaso Mabena Mahlangu Maseko Mbatha Mbele Mdluli "
        "Mhlongo Mkhize Mokoena Molefe Moloi Mthembu Mthethwa Naidoo Ndlovu Nel Ngcobo Ngubane Nkosi Ntuli Pillay "
        "Pretorius Radebe Shabalala Sibiya Sithole Steyn Swanepoel Tshabalala Van_der_Merwe Van_Wyk Venter "
        "Viljoen Vilakazi Xaba Xulu Zulu Zungu Zwane",
    ),
    "thai": _names(
        "Achara Amporn Anchalee Apinya Areeya Benjawan Busaba Chanida Chonthicha Darunee Duangjai Jiraporn "
        "Jutamas Kamonwan Kanchana Kannika Kanya Ladda Malee Manee Narumon Natthaporn Nittaya Orawan Patcharin "
        "Phannee Pimchanok Ploypailin Pornpan Prapaporn Rattana Rungnapa Saowanee Sasithorn Siriporn Sirikit "
        "Somjai Suda Sukanya Sunisa Suphatra Thidarat Wanida Warunee Wilaiwan Yupin",
        "Adisorn Anan Anuchit Apichart Arthit Athit Banchong Boonmee Chaiwat Chakrit Chalerm Channarong Decha "
        "Ekkachai Itthipol Jakkrit Kittipong Kriangkrai Krit Manop Montri Narong Natthapong Nattawut Niran "
        "Nopparat Panupong Peerapat Phuwadol Pongsakorn Prasert Preecha Rungroj Sakchai Sarawut Sirichai Somchai "
        "Sombat Sompong Surachai Suthep Tanawat Teerapong Thawatchai Veerachai Wichai Worawut Yuttana",
        "Amornrat Boonmak Bunnag Chaiyasit Chantarasiri Charoenporn Charoensuk Intharaprasit Jaidee Jantarat "
        "Kaewmanee Kasemsuk Khamphaeng Kittikhun Kongkaew Kraisorn Limsakul Mahachai Meesuk Nakprasert Ngamdee "
        "Panyawong Phanthong Phromchai Pongpanich Prasertsuk Rattanakul Rojanasakul Saelim Saengthong Saetang "
        "Sawatdee Sirisopa Somboon Srisai Srisuwan Sukhum Suksawat Suwannarat Tantawan Thongchai Thongdee Tipsuk "
        "Wattana Wongsawat Wongsuwan Yodsuk",
    ),
    "turkish": _names(
        "Arzu Aslı Aylin Ayşe Banu Başak Belgin Berna Beyza Buket Burcu Canan Çiğdem Deniz Derya Dilek Ebru Ece "
        "Elif Emel Emine Esra Fatma Feride Filiz Gamze Gizem Gonca Gül Gülay Gülşen Hande Hatice Havva Hülya İpek "
        "Jale Kübra Leyla Melek Meltem Meryem Müge Nazlı Nermin Nesrin Nilgün Nuray Özge Özlem Pınar Rabia Selin "
        "Sema Serap Sevgi Sevim Sibel Şebnem Tuğba Tülay Yasemin Yeliz Zehra Zeynep",
        "Ahmet Alper Arda Barış Berk Burak Bülent Can Cem Cemal Cenk Cihan Çağlar Doruk Efe Emre Engin Ercan "
        "Erdal Erhan Ersin Fatih Ferhat Fikret Gökhan Güven Hakan Halil Harun Hasan Hüseyin İbrahim İlker İsmail "
        "Kaan Kadir Kemal Kerem Koray Levent Mehmet Mert Metin Murat Mustafa Necati Nihat Oğuz Okan Onur Orhan "
        "Osman Ömer Ozan Ramazan Recep Rıza Salih Selim Serdar Serkan Sinan Süleyman Tamer Tolga Tuncay Ufuk Umut "
        "Volkan Yusuf",
        "Acar Akbulut Akgün Aksoy Aktaş Altun Arslan Aslan Avcı Aydın Bayram Bozkurt Bulut Çakır Çelik Çetin "
        "Coşkun Demir Demirci Doğan Duman Ekinci Erdem Erdoğan Ergin Erol Gök Güler Güneş Gündüz İnan Kaplan Kara "
        "Karaca Kaya Keskin Kılıç Koç Korkmaz Köse Kurt Öz Özcan Özdemir Özkan Öztürk Polat Sarı Şahin Şen Şimşek "
        "Taş Tekin Toprak Tunç Turan Türkmen Uçar Uysal Ünal Yalçın Yavuz Yıldırım Yıldız Yılmaz Yüksel",
    ),
    "urdu": _names(
        "Abida Aliya Amna Aneela Asma Ayesha Bushra Fariha Fauzia Ghazala Hafsa Hina Humaira Iqra Javeria Kainat "
        "Kiran Komal Laiba Maheen Mahnoor Mehwish Misbah Momina Nadia Naila Nimra Nosheen Rabia Rida Rubina Saba "
        "Sadaf Saima Samina Sana Shaista Shazia Sidra Sobia Sumbal Tayyaba Uzma Yasmeen Zainab Zara",
        "Aamir Abid Adeel Adnan Ahsan Arshad Asad Atif Bilal Danish Ehsan Faisal Farhan Fawad Ghulam Haider Hamza "
        "Haris Hassan Imran Iqbal Irfan Jawad Junaid Kamran Kashif Khurram Luqman Mansoor Moazzam Mubashir Naveed "
        "Nadeem Noman Omer Rashid Rehan Rizwan Saad Sajid Salman Shahid Shehryar Tahir Umair Usman Waqas Yasir "
        "Zeeshan Zubair",
        "Abbasi Afridi Akhtar Anwar Arain Ashraf Awan Baig Baloch Bangash Bhatti Bhutto Bukhari Butt Chaudhry Dar "
        "Durrani Farooqi Gilani Gondal Haider Hashmi Janjua Jatoi Javed Kakar Kazmi Khan Khattak Khokhar Kiani "
        "Lodhi Magsi Malik Mehmood Memon Minhas Mirza Mughal Niazi Orakzai Qureshi Raja Rana Rehman Rizvi Shaikh "
        "Shinwari Siddiqui Soomro Tanoli Tiwana Warraich Yousafzai Zaidi",
    ),
    "vietnamese": _names(
        "Anh Bích Châu Chi Cúc Diễm Diệp Dung Duyên Giang Hà Hằng Hạnh Hiền Hoa Hồng Huệ Hương Khánh Lan Lê_Na "
        "Liên Linh Loan Ly Mai Mỹ Nga Ngân Ngọc Nguyệt Nhung Oanh Phượng Quyên Quỳnh Sương Tâm Thanh Thảo Thu "
        "Thúy Trang Trinh Tuyết Uyên Vân Vy Xuân Yến",
        "An Bảo Bình Cường Đại Đạt Dũng Duy Đức Hải Hào Hậu Hiếu Hoàng Hùng Hưng Huy Khang Khoa Kiên Lâm Long Lộc "
        "Mạnh Minh Nam Nghĩa Nhân Nhật Phong Phú Phúc Quân Quang Quốc Sơn Tài Tân Thắng Thành Thiện Thịnh Tiến "
        "Toàn Trung Tú Tuấn Tùng Việt Vinh",
        "Bùi Cao Châu Chu Đặng Đào Đinh Đỗ Đoàn Dương Hà Hồ Hoàng Huỳnh Kiều La Lâm Lê Lưu Lý Mạc Mai Ngô Nguyễn "
        "Phạm Phan Phùng Quách Tạ Thái Tô Tôn Trần Triệu Trịnh Trương Từ Vi Võ Vũ Vương",
    ),
}
